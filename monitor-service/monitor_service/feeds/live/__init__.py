"""Live market data of real exchanges."""
