"""Sources of settings, secrets and keys."""
