"""Process quote-service: what should stand in the market, and why."""
