"""Exchange to market facts."""
