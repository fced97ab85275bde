"""What a start of `pk` loads: a short command's time is that of its imports."""

import json
import subprocess
import sys

import pytest

from tests.support.running import RunningCluster

# Runs a command and then prints, on stderr, which modules it has loaded.
TELLING = """
import json, sys
from pykafka_cli.__main__ import main
try:
    main()
finally:
    print(json.dumps(sorted(name for name, module in sys.modules.items() if module)), file=sys.stderr)
"""

HEAVY = {
    "aiokafka", "cramjam", "crc32c", "cryptography", "hypothesis", "importlib.metadata", "kazoo", "pydantic", "rich",
    "scramp", "uvloop", "yaml",
}  # fmt: skip
"""What takes from 5 to 100 ms each."""


MOST_MODULES_TO_LIST = {
    "topics": {"pykafka_cli": 38, "kio": 35},
    "consumer-groups": {"pykafka_cli": 43, "kio": 43},
}


def modules_of(*words: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", TELLING, *words], capture_output=True, text=True, check=True)
    names: list[str] = json.loads(done.stderr.splitlines()[-1])
    return names


def loaded(names: list[str], packages: set[str]) -> set[str]:
    return {
        package for package in packages if package in names or any(name.startswith(f"{package}.") for name in names)
    }


@pytest.mark.parametrize("command", MOST_MODULES_TO_LIST)
def test_a_list_loads_no_more_than_it_runs(cluster: RunningCluster, command: str) -> None:
    """Scripts call it in a loop."""
    names = modules_of(command, "--bootstrap-server", cluster.bootstrap, "--list")

    assert loaded(names, HEAVY) == set()
    assert "pykafka_cli.broker" not in names
    for package, most in MOST_MODULES_TO_LIST[command].items():
        found = [name for name in names if name.partition(".")[0] == package]
        grown = f"{len(found)} modules of {package}, {len(found) - most} more than {most}: {' '.join(found)}"
        assert len(found) <= most, grown


@pytest.mark.parametrize(
    ("command", "needless"),
    [
        (["--version"], HEAVY | {"asyncio", "kio"}),
        (["topics", "--help"], HEAVY),
        (["console-producer", "--help"], HEAVY),
    ],
    ids=["--version", "topics --help", "console-producer --help"],
)
def test_help_and_version_load_little(command: list[str], needless: set[str]) -> None:
    assert loaded(modules_of(*command), needless) == set()


def test_servers_load_nothing_that_only_commands_need() -> None:
    code = (
        "import sys, json; sys.modules['hypothesis'] = None;"
        "import pykafka_cli.broker.server, pykafka_cli.zookeeper.server.server;"
        "print(json.dumps(sorted(name for name, module in sys.modules.items() if module)))"
    )
    names = json.loads(subprocess.check_output([sys.executable, "-c", code], text=True))
    assert loaded(names, {"aiokafka", "cryptography", "pydantic", "rich", "scramp", "typer", "yaml"}) == set()


def test_a_server_is_loaded_without_a_search_for_garbage() -> None:
    code = (
        "import sys, gc, json; sys.modules['hypothesis'] = None;"
        "from pykafka_cli.__main__ import GARBAGE_THRESHOLD;"
        "gc.set_threshold(GARBAGE_THRESHOLD); before = gc.get_stats();"
        "import pykafka_cli.cli, pykafka_cli.commands.up;"
        "import pykafka_cli.broker.server, pykafka_cli.zookeeper.server.server;"
        "print(json.dumps([each['collections'] for stats in (before, gc.get_stats()) for each in stats]))"
    )
    collections = json.loads(subprocess.check_output([sys.executable, "-c", code], text=True))
    assert collections[:3] == collections[3:]
