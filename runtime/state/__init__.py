"""Process state on disk."""
