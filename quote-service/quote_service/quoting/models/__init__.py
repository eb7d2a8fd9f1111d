"""Models of where a market maker quotes: pure functions from ModelInputs to ModelQuote. See catalogue."""
