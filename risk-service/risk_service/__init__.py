"""Turns all facts into RUN, REDUCE_ONLY or HALT, with a reason."""
