"""What a run would do, as data."""
