"""What CONTRIBUTING.md says of the tests holds."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

WAITING = {Path("tests/support/polling.py"), Path("tests/support/event_loop.py")}
"""Where a condition is looked at again and again, with a pause in between."""

SIMULATION, VIRTUAL_LOOP = Path("tests/simulation"), "tests.simulation.loop.VirtualLoop"
"""To sleep on an event loop whose clock is virtual takes no time."""

SHARED = ("tests.support", "tests.fakes", "tests.simulation")

MIRRORED = {"benchmarks": ROOT / "benchmarks", "support": ROOT / "tests/support"}
"""What folders of tests/unit mirror that do not mirror a part of the package."""

ACROSS_MODULES = {
    "benchmarks/test_main.py",  # of __main__.py
    "broker/coordinator/group/test_membership.py",  # of classic_protocol.py, as seen from outside
    "broker/coordinator/test_fake_partition_writer.py",
    "broker/replication/test_fake_isr_updates.py",
    "clients/test_fake_session.py",
    "broker/coordinator/test_replica_manager_as_writer.py",
    "broker/coordinator/transaction/test_histories.py",
    "broker/network/test_socket_server.py",
    "broker/test_costs.py",
    "clients/test_costs.py",
    "output/test_performance.py",
    "output/test_tables_and_texts.py",
    "properties/test_clients.py",
    "properties/test_security_keys.py",
    "protocol/hot_path/test_first_versions.py",
    "protocol/test_message_secrets.py",  # of protocol/ and properties/
    "storage/test_indexes.py",
    "transport/test_tls.py",
    "zookeeper/ensemble/test_histories.py",
    "zookeeper/ensemble/test_roles.py",
    "zookeeper/server/test_admin_tls.py",
}
"""Files of tests/unit that are about several modules of their folder, like those about what was recorded."""


@cache
def trees() -> Mapping[Path, ast.Module]:
    return {file.relative_to(ROOT): ast.parse(file.read_text()) for file in sorted((ROOT / "tests").rglob("*.py"))}


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def sleeps(call: ast.Call) -> bool:
    """Whether it is time.sleep or asyncio.sleep, but for the sleep(0) that lets an event loop turn once."""
    match call.func:
        case ast.Name(id="sleep") | ast.Attribute(value=ast.Name(id="time" | "asyncio"), attr="sleep"):
            return not (call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0)
    return False


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize(
    ("text", "asleep"),
    [
        ("time.sleep(1)", True),
        ("asyncio.sleep(0.01)", True),
        ("sleep(PAUSE_S)", True),
        ("asyncio.sleep(0)", False),
        ("clock.sleep(5)", False),
    ],
)
def test_a_sleep_is_recognized(text: str, asleep: bool) -> None:
    (call,) = calls(ast.parse(text))
    assert sleeps(call) is asleep


def test_nothing_sleeps() -> None:
    found = [
        f"{file}:{call.lineno}"
        for file, tree in trees().items()
        if SIMULATION not in file.parents and VIRTUAL_LOOP not in imported(tree)
        for call in calls(tree)
        if sleeps(call)
    ]
    assert {Path(each.rpartition(":")[0]) for each in found} == WAITING, found


def test_what_tests_share_is_in_support_and_fakes() -> None:
    found = [
        f"{file} imports {module}"
        for file, tree in trees().items()
        for module in imported(tree)
        if module.startswith("tests.") and not module.startswith(SHARED)
    ]
    assert not found


def test_unit_tests_mirror_the_modules_they_are_about() -> None:
    unit = ROOT / "tests/unit"
    without_module = set()
    for file in unit.rglob("test_*.py"):
        top, *rest = file.relative_to(unit).parts
        folder = MIRRORED[top].joinpath(*rest) if top in MIRRORED else ROOT / "pykafka_cli" / file.relative_to(unit)
        module = folder.with_name(file.name.removeprefix("test_"))
        is_mirrored = module.exists() or module.with_suffix("").is_dir()
        if not (is_mirrored or (folder.parent.is_dir() and file.name.startswith("test_recorded_"))):
            without_module.add(str(file.relative_to(unit)))
    assert without_module == ACROSS_MODULES
