"""Faults of an exchange, and whether a venue adapter survives them: the suite behind `maker venue-check`."""
