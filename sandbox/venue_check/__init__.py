"""Injects exchange faults and checks that a venue adapter survives them: the suite of `maker venue-check`."""
