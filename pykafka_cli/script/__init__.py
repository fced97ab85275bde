"""How any script behaves: its command line, its errors, and how it reaches a cluster."""
