"""Process quote-service: which quotes should rest in the market, and why."""
