"""The command line: one file per command, wired in one place; the only part that reads argv, prints and exits."""
