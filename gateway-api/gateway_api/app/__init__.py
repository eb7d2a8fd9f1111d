"""The HTTP application: reads the state store, writes nothing but control commands."""
