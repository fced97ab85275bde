"""Quotas: how much of this broker each client may use, and how long a client that exceeds its quota has to wait."""
