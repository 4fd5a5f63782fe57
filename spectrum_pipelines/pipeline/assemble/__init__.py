"""The filled form as a frozen pipeline."""
