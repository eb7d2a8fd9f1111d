"""The response to imbalance: a shift of both quotes, and a wider spread under one-sided flow."""

from schemas.quoting_settings import Pricing
from schemas.signals import Signal


def pressure_share(imbalance: float, pricing: Pricing) -> float:
    """-1..1: the book imbalance beyond its threshold, continuous at it and odd in the imbalance."""
    threshold = pricing.pressure_threshold
    beyond = max(0.0, abs(imbalance) - threshold) / (1 - threshold)
    return beyond if imbalance > 0 else -beyond


def emergency_intensity(flow_imbalance: float, pricing: Pricing) -> float:
    """0 below the threshold, rising linearly to 1 where all flow is one-sided."""
    threshold = pricing.emergency_flow_threshold
    return max(0.0, abs(flow_imbalance) - threshold) / (1 - threshold)


def flow_in_force(signal: Signal, pricing: Pricing) -> float:
    """-1..1: taker flow imbalance, 0 where volume is too small against the mean depth of a side to matter."""
    mean_depth_lots = (signal.bid_depth_lots + signal.ask_depth_lots) / 2
    counts = signal.flow_volume_lots >= pricing.emergency_volume_ratio * mean_depth_lots
    return signal.flow_imbalance if counts else 0.0


def begins_emergency(signal: Signal, before: Signal | None, pricing: Pricing) -> bool:
    """Does the emergency response begin with this signal?"""
    return is_emergency(signal, pricing) and not (before and is_emergency(before, pricing))


def is_emergency(signal: Signal, pricing: Pricing) -> bool:
    """Is the emergency response active, to any degree?"""
    return abs(flow_in_force(signal, pricing)) > pricing.emergency_flow_threshold
