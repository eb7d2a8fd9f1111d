"""Market data of real exchanges, as it happens."""
