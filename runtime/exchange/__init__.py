"""Exchange clients and the shared request budget."""
