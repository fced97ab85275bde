"""Requests of commands to a cluster, one module per subject: functions of a Session that return types of model.py."""
