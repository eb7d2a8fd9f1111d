"""From an exchange's data to market facts."""
