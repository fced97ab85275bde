"""What the shell is offered."""

import subprocess

import pytest

from tests.support.running import PK


def offered(words: str, *, environment: dict[str, str]) -> list[str]:
    """What bash would get for the last word of a command line."""
    broken = words.split(" ")
    asked = {"_PK_COMPLETE": "complete_bash", "COMP_WORDS": "\n".join(broken), "COMP_CWORD": str(len(broken) - 1)}
    done = subprocess.run(
        [PK], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin", **environment, **asked}
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("pk top", ["topics"]),
        ("pk topics --under", ["--under-replicated-partitions", "--under-min-isr-partitions"]),
        ("pk get-offsets --bootstrap", ["--bootstrap-server"]),
    ],
)
def test_commands_and_options_are_offered(words: str, expected: list[str]) -> None:
    assert offered(words, environment={}) == expected


@pytest.mark.parametrize("option", ["--topic", "--group"])
def test_without_a_cluster_there_are_no_names_to_offer(option: str, unused_tcp_port: int) -> None:
    environment = {"PK_BOOTSTRAP_SERVER": f"127.0.0.1:{unused_tcp_port}"}

    assert offered(f"pk consumer-groups {option} a", environment=environment) == []
