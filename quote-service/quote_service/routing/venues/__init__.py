"""Adapters to a venue, real or simulated."""
