"""Reports, plans and findings as text for people and other programs."""
