"""Orders at a real exchange, through ccxt."""
