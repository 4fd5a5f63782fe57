"""`python -m spectrum_pipelines`, for where no script directory is on the path."""

from spectrum_pipelines.cli.entry import main

main()
