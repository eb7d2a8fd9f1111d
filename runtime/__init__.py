"""The process runtime: bus, log, state, replay. Knows no service and no command."""
