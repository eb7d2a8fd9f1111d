"""Order arrival from a recording or a log: A and k with their errors, and a plot of the fit."""
