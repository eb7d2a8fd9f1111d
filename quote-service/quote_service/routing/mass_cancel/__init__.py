"""All orders cancelled, and the proof that the venue holds none."""
