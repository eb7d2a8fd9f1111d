"""The stores of the gateway: documents, and values that expire."""
