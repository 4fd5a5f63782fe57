"""Polls of running executions and what they teach."""
