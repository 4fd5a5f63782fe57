"""How the package speaks: clean text, durations and counts in words."""
