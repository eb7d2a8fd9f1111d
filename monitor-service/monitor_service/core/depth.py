"""What rests on the two sides, and which is heavier."""


def imbalance(bid_lots: float, ask_lots: float) -> float:
    """(bid - ask)/(bid + ask): 1 where only bids are, -1 where only asks are, 0 where nothing is."""
    total = bid_lots + ask_lots
    return (bid_lots - ask_lots) / total if total else 0.0


def weighted_mid(bid: float, bid_lots: float, ask: float, ask_lots: float) -> float:
    """Each best price weighted by the other side's queue: the heavier bid, the nearer to the ask."""
    share = bid_lots / (bid_lots + ask_lots)
    return share * ask + (1 - share) * bid
