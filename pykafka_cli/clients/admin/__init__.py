"""Requests of commands to a cluster, one module per subject: functions of a Session that return nouns of model.py."""
