"""The venue of paper trading and of backtests: our orders against the market's books and trades."""
