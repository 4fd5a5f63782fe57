"""What one can do with a pipeline and a run, for whatever front end."""
