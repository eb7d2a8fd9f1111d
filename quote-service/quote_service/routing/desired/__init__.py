"""The quotes that should rest in the market, and what to place, amend or cancel for them now."""
