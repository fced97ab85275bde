"""The only way commands reach a cluster."""
