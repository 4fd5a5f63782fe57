"""Values against a JSON Schema, and what is wrong in words."""
