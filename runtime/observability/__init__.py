"""Redacted logs, and metrics."""
