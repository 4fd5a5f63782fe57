"""What a pipeline is once nothing is left to ask."""
