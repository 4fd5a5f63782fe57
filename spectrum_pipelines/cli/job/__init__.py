"""Spectrum's job API by hand."""
