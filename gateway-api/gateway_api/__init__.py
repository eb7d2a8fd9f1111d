"""HTTP, the dashboard, and the projector of views."""
