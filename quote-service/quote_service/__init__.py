"""From market data to orders at the venue: two processes, `quoting` and `routing`, that share no code."""
