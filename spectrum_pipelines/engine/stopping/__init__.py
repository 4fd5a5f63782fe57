"""Stopping an execution and seeing the stop confirmed."""
