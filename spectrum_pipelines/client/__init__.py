"""Spectrum's REST API over HTTP: wire shapes, retries, transport. Knows neither pipelines nor the engine."""
