"""The past, from the topic log: read in a process of its own, so that it never holds up the engine."""
