"""What a person is told about a cluster that cannot be asked."""

from pykafka_cli.transport.connection import BrokerUnreachable, ConnectionFailed, ConnectionLost


def explain(error: ConnectionFailed) -> tuple[str, str]:
    """What happened, and what would help (empty if we do not know)."""
    if isinstance(error, BrokerUnreachable):
        return str(error), "Is a broker running there? `pk up` starts one on this machine."
    if isinstance(error, ConnectionLost):
        return str(error), "If this listener wants TLS or SASL, say so in a file for --command-config."
    return str(error), ""
