"""The runtime: how a process lives. Knows topics, names no service."""
