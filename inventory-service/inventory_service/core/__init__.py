"""The pure decisions of inventory-service."""
