"""The embedded Spectrum-compatible server (extra `local`). Imports nothing else of the package."""
