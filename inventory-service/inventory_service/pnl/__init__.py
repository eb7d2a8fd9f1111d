"""`maker pnl`: a file of fills and mids to a report. What the lines say is in `attribution.lines`."""
