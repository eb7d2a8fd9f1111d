"""Where a market comes from."""
