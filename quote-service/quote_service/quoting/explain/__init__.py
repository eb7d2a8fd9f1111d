"""Explains quotes: the steps of a price, and the quote for a market state given by hand."""
