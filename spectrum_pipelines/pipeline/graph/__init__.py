"""The graph of the jobs."""
