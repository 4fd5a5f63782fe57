"""When to look again: agenda, budget, pauses, waits, hints."""
