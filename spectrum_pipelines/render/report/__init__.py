"""A report as text, Markdown, JUnit XML and annotations."""
