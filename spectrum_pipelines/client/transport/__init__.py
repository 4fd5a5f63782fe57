"""Bytes over the network: the HTTP adapter, deadlines, bodies, TLS and proxies."""
