"""kafka-server-stop.sh: what it prints before it stops servers."""


def print_precedence() -> None:
    """Print which of two options applies."""
    print("When both node-id and process-role are provided, the value for node-id will take precedence")
