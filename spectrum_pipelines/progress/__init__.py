"""A run while it goes on: plain lines, JSON lines, a bar."""
