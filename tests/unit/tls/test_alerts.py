"""What a server's half of a failing handshake leaves to be sent."""

import ssl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pykafka_cli.tls.alerts import ServerContext

ALERT = 0x15  # a record's type, RFC 8446, 5.1


def server() -> tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    """With what it has received, and what it has sent."""
    context, received, sent = ServerContext(ssl.PROTOCOL_TLS_SERVER), ssl.MemoryBIO(), ssl.MemoryBIO()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context.wrap_bio(received, sent, server_side=True), received, sent


def test_the_alert_is_there_to_be_sent_before_the_failure_is_reported() -> None:
    connection, received, sent = server()
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    client = old.wrap_bio(ssl.MemoryBIO(), received, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()

    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    assert sent.read()[0] == ALERT
    with pytest.raises(ssl.SSLError, match="UNSUPPORTED_PROTOCOL"):
        connection.do_handshake()


RECORD = 5 + 0xFFFF  # bytes of the longest record that a header can announce


@example(b"\x00\x03\x00\x00\x07\x00\x00\x00\x00\x00\x00")  # seven bytes announced, six sent
@given(st.binary(min_size=11, max_size=200).filter(lambda data: data[0] not in (0x16, 0x17) and data[0] < 0x80))
def test_garbage_fails_the_handshake_by_its_first_record_unless_there_is_an_alert(data: bytes) -> None:
    connection, received, sent = server()
    received.write(data)
    with pytest.raises(ssl.SSLError) as failure:
        connection.do_handshake()

    if isinstance(failure.value, ssl.SSLWantReadError) and not sent.pending:
        assert len(data) < 5 + int.from_bytes(data[3:5], "big")
        received.write(bytes(RECORD))
        with pytest.raises(ssl.SSLError) as failure:
            connection.do_handshake()

    assert bool(sent.pending) == isinstance(failure.value, ssl.SSLWantReadError)
