"""The classic tutorial: topics, messages, keys, groups, lag, an offset reset. Each step's result is checked."""

import re
import subprocess
import time
from pathlib import Path

from demo.terminal import Terminal, WrongResult

FOUR = "some message that is acked\njust some message\nfun\nlearning\n"
FIVE_WITH_KEYS = "name,tom\nname,tim\ncity,berlin\ncity,paris\nname,tam\n"
NINE = ["some message that is acked", "just some message", "fun", "learning", "tom", "tim", "berlin", "paris", "tam"]
PATIENCE_S = 30


def topics(terminal: Terminal) -> None:
    terminal.say("\n# Topics: once the old way, through ZooKeeper, then through the broker")
    terminal.run(
        "topics --zookeeper {zookeeper} --topic firstTopic --create --partitions 3 --replication-factor 1",
        expect="Created topic firstTopic\\.\n",
    )
    terminal.run("topics --zookeeper {zookeeper} --list", expect="firstTopic\n")
    terminal.run(
        "topics --zookeeper {zookeeper} --describe --topic firstTopic",
        expect="Topic:firstTopic\tPartitionCount:3\tReplicationFactor:1\tConfigs:\n(\tTopic: firstTopic\t.*\n){3}",
    )
    terminal.run(
        "topics --bootstrap-server {bootstrap} --topic secondTopic --create --partitions 2 --replication-factor 1",
        expect="Created topic secondTopic\\.\n",
    )
    terminal.run("topics --bootstrap-server {bootstrap} --alter --topic secondTopic --partitions 4", expect="")
    terminal.run(
        "topics --bootstrap-server {bootstrap} --describe --topic secondTopic --output kafka",
        expect="Topic: secondTopic\tTopicId: .{22}\tPartitionCount: 4\tReplicationFactor: 1\t.*\n(\tTopic:.*\n){4}",
    )
    terminal.run("topics --bootstrap-server {bootstrap} --delete --topic secondTopic", expect="")
    terminal.run("topics --bootstrap-server {bootstrap} --list --output kafka", expect="firstTopic\n")


def messages(terminal: Terminal) -> None:
    terminal.say("\n# Messages: without keys, to a topic that does not exist yet, with keys")
    terminal.run(
        "console-producer --broker-list {bootstrap} --topic firstTopic --producer-property acks=all",
        stdin=FOUR,
        expect="",
    )
    terminal.run(
        "console-producer --bootstrap-server {bootstrap} --topic newTopic", stdin="hi\nthis topic is new\n", expect=""
    )
    terminal.run(
        "console-consumer --bootstrap-server {bootstrap} --topic newTopic --from-beginning --max-messages 2",
        expect="hi\nthis topic is new\n",
    )
    terminal.run(
        "console-producer --bootstrap-server {bootstrap} --topic firstTopic"
        " --property parse.key=true --property key.separator=,",
        stdin=FIVE_WITH_KEYS,
        expect="",
    )
    terminal.run(
        "console-consumer --bootstrap-server {bootstrap} --topic firstTopic --from-beginning --max-messages 9"
        " --property print.key=true --property key.separator=,",
        expect=[*(f"null,{line}" for line in FOUR.splitlines()), *FIVE_WITH_KEYS.splitlines()],
    )


def groups(terminal: Terminal) -> None:
    terminal.say("\n# Groups: what a group has read it does not read again, until its offsets are set back")
    consumer = "console-consumer --bootstrap-server {bootstrap} --topic firstTopic --group myFirstApp"
    terminal.run(f"{consumer} --from-beginning --max-messages 9", expect=NINE)
    terminal.run(f"{consumer} --from-beginning --timeout-ms 3000", expect="")
    terminal.run(
        "consumer-groups --bootstrap-server {bootstrap} --list --output kafka",
        expect="(console-consumer-.*\n)*myFirstApp\n",
    )
    assert_lag(terminal, 0)
    terminal.run(
        "consumer-groups --bootstrap-server {bootstrap} --group myFirstApp --reset-offsets --to-earliest --execute"
        " --topic firstTopic"
    )
    assert_lag(terminal, 9)
    terminal.run(f"{consumer} --max-messages 9", expect=NINE)
    terminal.run(
        "consumer-groups --bootstrap-server {bootstrap} --group myFirstApp --reset-offsets --shift-by -2 --execute"
        " --topic firstTopic"
    )
    terminal.run("consumer-groups --bootstrap-server {bootstrap} --describe --group myFirstApp")


def assert_lag(terminal: Terminal, expected: int) -> None:
    """The lag over all partitions of group myFirstApp, as consumer-groups prints it."""
    printed = terminal.run(
        "consumer-groups --bootstrap-server {bootstrap} --describe --group myFirstApp --output kafka"
    )
    lag = sum(int(line.split()[5]) for line in printed.splitlines() if line.startswith("myFirstApp"))
    if lag != expected:
        raise WrongResult(f"group myFirstApp lags by {lag}, expected {expected}")


def shared_group(terminal: Terminal, folder: Path) -> None:
    terminal.say("\n# Two consumers of one group share the partitions; when one dies the other takes over")
    follow = (
        "console-consumer --bootstrap-server {bootstrap} --topic firstTopic --group pair"
        " --consumer-property session.timeout.ms=6000 --consumer-property heartbeat.interval.ms=500"
    )
    names = ("survivor", "victim")
    survivor, victim = (
        terminal.start(f"{follow} --consumer-property client.id={name}", folder / name) for name in names
    )
    try:
        wait_for_owners(terminal, 2)
        victim.kill()
        victim.wait()
        wait_for_owners(terminal, 1)
        terminal.run(
            "console-producer --bootstrap-server {bootstrap} --topic firstTopic --property parse.key=true"
            " --property key.separator=,",
            stdin="".join(f"{number},message {number}\n" for number in range(12)),
        )
        expected = sorted(f"message {number}" for number in range(12))
        deadline = time.monotonic() + PATIENCE_S
        while sorted((folder / "survivor").read_text().splitlines()) != expected:
            if time.monotonic() > deadline:
                raise WrongResult(
                    f"the surviving consumer read {(folder / 'survivor').read_text()!r}, expected {expected}"
                )
            time.sleep(0.1)
        terminal.say("\n".join(["(the survivor printed all twelve)", (folder / "survivor").read_text().rstrip()]))
    finally:
        for process in (survivor, victim):
            process.terminate()
            process.communicate(timeout=20)


def wait_for_owners(terminal: Terminal, count: int) -> None:
    """Wait until `count` members share the three partitions of group `pair`."""
    words = terminal.command("consumer-groups --bootstrap-server {bootstrap} --describe --group pair")
    deadline = time.monotonic() + PATIENCE_S
    while True:
        printed = subprocess.run([*words, "--output", "kafka"], capture_output=True, text=True, check=False).stdout
        rows = [line.split() for line in printed.splitlines() if re.match(r"pair +firstTopic", line)]
        if (
            len(rows) == 3
            and len({row[6] for row in rows if row[6] != "-"}) == count
            and all(row[6] != "-" for row in rows)
        ):
            terminal.say(printed.rstrip("\n"))
            return
        if time.monotonic() > deadline:
            raise WrongResult(f"group pair should have {count} members that own all partitions, but is\n{printed}")
        time.sleep(0.2)
