"""The local bus: one log of files for all topics."""
