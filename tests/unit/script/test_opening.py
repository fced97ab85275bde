"""What is checked before a command connects."""

import socket
import threading

import pytest

from pykafka_cli.clients.settings import BadAddress
from pykafka_cli.model import Seconds
from pykafka_cli.script.opening import check_resolvable


def test_one_of_the_bootstrap_servers_must_have_an_address() -> None:
    check_resolvable("no.such.host.invalid:9092,127.0.0.1:9092", Seconds(30))

    with pytest.raises(BadAddress, match="No resolvable bootstrap urls"):
        check_resolvable("no.such.host.invalid:9092", Seconds(30))


def test_a_name_server_that_does_not_respond_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: ended.wait())

    with pytest.raises(BadAddress, match=r"No name server responded within 0\.01 s"):
        check_resolvable("slow.example:9092", Seconds(0.01))
    ended.set()
