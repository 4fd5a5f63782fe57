"""Triggering a job once, and finding its execution when the answer is lost."""
