"""Runs in a PostgreSQL database, which any number of machines share. Needs the extra `postgres`."""
