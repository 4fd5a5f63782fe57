"""What outlives a process: journals, reports, run keys and locks."""
