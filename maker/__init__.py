"""The `maker` program: wires the services into an engine."""
