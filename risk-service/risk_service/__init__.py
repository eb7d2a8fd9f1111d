"""Everything to RUN, REDUCE_ONLY or HALT, with a reason."""
