"""A local exchange with Binance spot's protocol, for tests, trials and the demo."""
