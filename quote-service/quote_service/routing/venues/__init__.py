"""Adapters that speak with a venue, real or simulated."""
