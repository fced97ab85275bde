"""Which process listens on a port, and what of its command line is shown."""

import os
import pwd
import socket
import subprocess
import sys

import pytest

from pykafka_cli.transport.port_owner import describe_command, owner_of
from tests.support.ports import free_port


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (
            ["/usr/bin/java", "-Xmx1G", "-cp", "/opt/a.jar:/opt/b.jar", "kafka.Kafka", "x.properties"],
            "java kafka.Kafka",
        ),
        (["java", "-jar", "kafka-ui.jar", "--secret=x"], "java kafka-ui.jar"),
        (["java", "-version"], "java"),
        (["/venv/bin/python3.11", "/venv/bin/pk", "up", "--port", "9092"], "pk up"),
        (
            ["python", "-m", "pykafka_cli", "server-start", "conf/server.properties"],
            "pk server-start server.properties",
        ),
        (["python", "-c", "print(password)"], "python"),
        (["nc", "-lk", "9092"], "nc"),
        (["redis-server", "*:6379"], "redis-server *:6379"),
        ([], ""),
    ],
)
def test_a_command_is_described_without_its_options(words: list[str], shown: str) -> None:
    assert describe_command(words) == shown


def test_the_process_that_listens() -> None:
    program = (
        "import socket, sys\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "print(listener.getsockname()[1], flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as listening:
        assert listening.stdout
        found = owner_of(int(listening.stdout.readline()))
        listening.communicate("")

    assert found
    assert found.pid == listening.pid
    assert str(found).endswith(f"(process {listening.pid})")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can listen as itself and look as nobody")
def test_the_user_is_named_if_the_process_cannot_be_seen() -> None:
    looking = (
        "import os, sys, psutil\n"
        "from pykafka_cli.transport.port_owner import owner_of\n"
        "os.setgroups([]), os.setgid(65534), os.setuid(65534)\n"
        "print(owner_of(int(sys.argv[1])))\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        words = [sys.executable, "-c", looking, str(listener.getsockname()[1])]
        done = subprocess.run(words, capture_output=True, text=True, check=True)

    assert done.stdout == f"a process of user {pwd.getpwuid(0).pw_name}\n"


def test_nobody() -> None:
    assert owner_of(free_port()) is None
