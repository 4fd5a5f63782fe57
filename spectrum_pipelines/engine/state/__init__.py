"""The state of a run: what the fold of its facts has come to."""
