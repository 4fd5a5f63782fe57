"""Text to located data to diagnostics. Knows YAML and JSON Schema, but not what a pipeline is."""
