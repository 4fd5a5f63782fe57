"""The brain of a run: events, state, commands and decisions, without clock, thread, file or socket."""
