"""The JSON Schemas of the language, the report, the journal and the workspace; package data."""
