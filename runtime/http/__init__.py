"""The HTTP server shared by the gateway and the health checks."""
