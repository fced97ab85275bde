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
        ("pk configs --alter --entity-type br", ["brokers", "broker-loggers"]),
        ("pk console-consumer --offset e", ["earliest"]),
        ("pk console-consumer --isolation-level read_c", ["read_committed"]),
        ("pk console-consumer --property print.k", ["print.key=true"]),
        (
            "pk console-consumer --formatter org.apache.kafka.tools.consumer.No",
            ["org.apache.kafka.tools.consumer.NoOpMessageFormatter"],
        ),
        ("pk console-producer --property parse.h", ["parse.headers=true"]),
        ("pk get-offsets --time max", ["max-timestamp"]),
        ("pk replica-verification --time e", []),
        ("pk acls --operation Describe", ["Describe", "DescribeConfigs", "DescribeTokens"]),
        ("pk acls --allow-principal U", ["User:"]),
        ("pk acls --resource-pattern-type p", ["prefixed"]),
        ("pk leader-election --election-type u", ["unclean"]),
        ("pk consumer-groups --list --state Empty,St", ["Empty,Stable"]),
        ("pk consumer-groups --list --type Cl", ["Classic"]),
        ("pk groups --group-type s", ["share", "streams"]),
        ("pk wire 9092 --api ListOff", ["ListOffsets"]),
        ("pk fault Produce --error NOT_LEADER", ["NOT_LEADER_OR_FOLLOWER"]),
        ("pk storage format --release-version 3.9", ["3.9-IV0"]),
        (
            "pk console-consumer --consumer-property auto.off",
            ["auto.offset.reset=latest", "auto.offset.reset=earliest", "auto.offset.reset=none"],
        ),
        ("pk topics --create --config retention.", ["retention.bytes=", "retention.ms="]),
        ("pk topics --create --config cleanup.pol", ["cleanup.policy=compact", "cleanup.policy=delete"]),
        ("pk topics --create --config cleanup.policy = c", ["compact"]),
        ("pk configs --alter --topic t --delete-config retention.ms,retention.b", ["retention.ms,retention.bytes"]),
        ("pk configs --alter --entity-type users --add-config producer", ["producer_byte_rate="]),
        ("pk configs --alter --broker 0 --add-config background", ["background.threads="]),
    ],
)
def test_commands_and_options_are_offered(words: str, expected: list[str], unused_tcp_port: int) -> None:
    environment = {"PK_BOOTSTRAP_SERVER": f"127.0.0.1:{unused_tcp_port}"}

    assert offered(words, environment=environment) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("kafka-topics.sh --under-m", ["--under-min-isr-partitions"]),
        ("/usr/bin/kafka-console-consumer --offset l", ["latest"]),
        ("zookeeper-shell.sh --outp", ["--output"]),
    ],
)
def test_bash_completes_after_the_names_of_kafkas_scripts(words: str, expected: list[str]) -> None:
    names = words.split(" ")
    script = f"""
        eval "$({PK} scripts completion)"
        complete -p {names[0].rpartition("/")[2]} >&2
        COMP_WORDS=({words}) COMP_CWORD={len(names) - 1}
        _pk_script_completion {names[0]}
        printf '%s\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.split() == expected
    assert "_pk_script_completion" in done.stderr


@pytest.mark.parametrize("option", ["--topic", "--group"])
def test_without_a_cluster_there_are_no_names_to_offer(option: str, unused_tcp_port: int) -> None:
    environment = {"PK_BOOTSTRAP_SERVER": f"127.0.0.1:{unused_tcp_port}"}

    assert offered(f"pk consumer-groups {option} a", environment=environment) == []
