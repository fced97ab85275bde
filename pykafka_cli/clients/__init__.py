"""How commands connect to a cluster, the only way."""
