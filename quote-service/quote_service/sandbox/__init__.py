"""A local exchange that speaks Binance spot's protocol, for tests, for trials, for the demo."""
