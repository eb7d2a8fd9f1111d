"""The pure part of the view projector."""
