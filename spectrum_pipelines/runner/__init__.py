"""The loop of a run, and the threads that perform its requests."""
