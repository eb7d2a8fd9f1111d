"""History from the topic log, read in a separate process so that it never delays the engine."""
