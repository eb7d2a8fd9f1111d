"""`maker pnl`: a file of fills and mids to a report; `research.attribution.lines` describes the lines."""
