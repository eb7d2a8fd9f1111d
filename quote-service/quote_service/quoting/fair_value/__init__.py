"""Where our quotes are centred: the market's mid, a reference market's, and the effect of imbalance."""
