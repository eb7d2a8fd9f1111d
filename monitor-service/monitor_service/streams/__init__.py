"""The worker `statistics`: each symbol's totals per minute. Nothing that trades reads them."""
