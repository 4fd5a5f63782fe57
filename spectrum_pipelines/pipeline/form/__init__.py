"""The file under one environment."""
