"""What people and machines read: folds of a run's events, and renderings of them."""
