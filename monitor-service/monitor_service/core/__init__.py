"""The pure decisions of monitor-service."""
