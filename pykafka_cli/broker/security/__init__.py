"""Principals and credentials."""
