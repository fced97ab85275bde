"""The parts that all scripts share: the command line, errors, and opening a cluster."""

DEFAULT_BOOTSTRAP_SERVER = "localhost:9092"
COMPLETION_VARIABLE = "_PK_COMPLETE"
"""Set by a shell that wants completions instead of the command's work."""
