"""What one job does apart from triggering and stopping: looking, following, judging, deleting."""
