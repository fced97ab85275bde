"""Completion by Tab, in the shells themselves."""

import os
from pathlib import Path

import pytest

from tests.support.peers import program
from tests.support.running import PK, RunningCluster, pk
from tests.support.terminal import Terminal

PROMPT = "ready>"
STARTS = {
    "bash": (
        ["--norc", "-i"],
        (
            f"PS1='{PROMPT} '; bind 'set show-all-if-ambiguous on'; "
            'eval "$(pk --show-completion bash)"; eval "$(pk scripts completion)"'
        ),
    ),
    "zsh": (
        ["-f", "-i"],
        (
            f"PROMPT='{PROMPT} '; autoload -Uz compinit; compinit -u -d $HOME/.zcompdump; "
            'eval "$(pk --show-completion zsh)"; eval "$(pk scripts completion zsh)"'
        ),
    ),
    "fish": (
        ["--no-config", "-i"],
        (
            f"function fish_prompt; echo '{PROMPT} '; end; "
            "pk --show-completion fish | source; pk scripts completion fish | source"
        ),
    ),
}


def press_tab(shell: str, line: str, completed: str, folder: Path) -> None:
    """Type a line, press Tab, and wait until the line is the completed one."""
    path = program(shell, f"Debian's package {shell} has it")
    words, start = STARTS[shell]
    env = {"PATH": f"{Path(PK).parent}:{os.environ['PATH']}", "HOME": str(folder), "SHELL": path}
    with Terminal(words, program=path, env=env, columns=160) as terminal:
        terminal.type(f"{start}; clear\r")
        terminal.wait_for(lambda lines: lines == [PROMPT])
        terminal.type(line)
        terminal.wait_for(lambda lines: lines[0].endswith(line))
        terminal.type("\t")
        terminal.wait_for(lambda lines: lines[0].rstrip() == f"{PROMPT} {completed}")


@pytest.mark.parametrize("shell", STARTS)
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("kafka-topics.sh --under-m", "kafka-topics.sh --under-min-isr-partitions"),
        ("kafka-console-consumer --isolation-level read_c", "kafka-console-consumer --isolation-level read_committed"),
        ("/opt/kafka/kafka-console-consumer.sh --offset l", "/opt/kafka/kafka-console-consumer.sh --offset latest"),
        ("kafka-configs.sh --entity-type us", "kafka-configs.sh --entity-type users"),
        ("kafka-topics.sh --config cleanup.policy=c", "kafka-topics.sh --config cleanup.policy=compact"),
        ("pk configs --entity-type us", "pk configs --entity-type users"),
        ("pk tut", "pk tutorial"),
    ],
)
def test_tab_completes_commands_options_and_values(shell: str, line: str, completed: str, tmp_path: Path) -> None:
    press_tab(shell, line, completed, tmp_path)


@pytest.mark.parametrize("shell", STARTS)
def test_tab_completes_names_of_the_cluster(shell: str, cluster: RunningCluster, tmp_path: Path) -> None:
    at = f"--bootstrap-server {cluster.bootstrap}"
    created = pk("topics", *at.split(), "--create", "--topic", f"of-{shell}", "--if-not-exists")
    made = pk(
        "consumer-groups", *at.split(), "--reset-offsets", "--to-earliest", "--execute",
        "--topic", f"of-{shell}", "--group", f"{shell}:billing",
    )  # fmt: skip
    assert (created.returncode, made.returncode) == (0, 0), created.stderr + made.stderr

    topic, group = f"kafka-topics.sh {at} --describe --topic ", f"kafka-consumer-groups {at} --describe --group "
    press_tab(shell, f"{topic}of-{shell[:2]}", f"{topic}of-{shell}", tmp_path)
    press_tab(shell, f"{group}{shell}:b", f"{group}{shell}:billing", tmp_path)
