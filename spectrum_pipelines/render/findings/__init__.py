"""Findings of `validate` in the formats of editors and CI systems."""
