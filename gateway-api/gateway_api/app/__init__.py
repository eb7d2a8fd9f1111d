"""The HTTP application: reads the state store, writes only control commands."""
