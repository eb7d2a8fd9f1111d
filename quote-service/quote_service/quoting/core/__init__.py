"""The pure decisions of quote-service."""
