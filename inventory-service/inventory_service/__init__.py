"""Fills to position, cost, profit, bias, rebalance."""
