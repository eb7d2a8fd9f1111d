"""When a side is left, or widened, because of takers or of the queues at the best prices."""
