"""Rules that a JSON Schema cannot state, each a generator of findings."""
