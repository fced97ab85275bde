"""Servers as processes: starting, running and stopping them."""
