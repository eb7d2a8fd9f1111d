"""The levels of each side, and what shapes them: bands, delays after fills, hanging orders."""
