"""Timing: agenda, budget, pauses, waits, hints, patience."""
