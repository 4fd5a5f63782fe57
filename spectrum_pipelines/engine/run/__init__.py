"""The run as a whole: pre-flight, starting jobs, ending, reopening."""
