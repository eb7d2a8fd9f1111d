"""Arrival of orders from a recording or a log: A and k with their errors, and a picture of the fit."""
