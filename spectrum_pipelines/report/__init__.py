"""The run report as data: a fold of the facts."""
