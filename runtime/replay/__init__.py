"""Replays, verifies and explains logs."""
