"""The worker `statistics`: what happened to each symbol in each minute. Nothing that trades reads it."""
