"""Quotas: how much of this broker each client may use, and how long a client that used more has to wait."""
