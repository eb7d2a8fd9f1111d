"""Cores, adapters, and the drivers that run them."""
