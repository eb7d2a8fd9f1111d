"""Offline tools on logs and recordings: calibration, profit and loss, simulation, quoting baselines."""
