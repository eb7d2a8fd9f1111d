"""The pure decisions of risk-service."""
