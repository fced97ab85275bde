"""What the scripts of Kafka 4 say about earlier options; `pk` says it where the cluster is of that generation."""


def deprecated(old: str, new: str) -> str:
    """The line about an option that has another name by now."""
    return f"Option --{old} has been deprecated and will be removed in a future version. Use --{new} instead."
