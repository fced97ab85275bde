"""dist/pk does all it does where there is nothing but the C library."""

import hashlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from binary.__main__ import LOCK, LOCK_WITH_KERBEROS
from binary.sbom import file_of
from tests.support import peers
from tests.support.built_program import index_of
from tests.support.empty_root import ClusterInside, EmptyRoot
from tests.support.once import made_once

pytestmark = pytest.mark.timeout(600)  # the first test waits until the file is built


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, built now unless PK_PROGRAM names one."""
    if given := os.environ.get("PK_PROGRAM"):
        return Path(given)
    peers.builder_of_dist_pk()

    def build(folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "binary", str(folder / "pk")], check=True, cwd=peers.ROOT)

    return made_once(tmp_path_factory, "dist", build) / "pk"


@pytest.fixture(scope="module")
def root(program: Path, tmp_path_factory: pytest.TempPathFactory) -> EmptyRoot:
    peers.mount_namespaces()
    return EmptyRoot(tmp_path_factory.mktemp("empty") / "root", program)


@pytest.fixture(scope="module")
def cluster(root: EmptyRoot) -> Iterator[ClusterInside]:
    running = ClusterInside(root)
    running.start()
    yield running
    if running.is_running:
        running.stop()


def test_it_says_its_version_and_leaves_nothing_behind(root: EmptyRoot) -> None:
    before = root.files()

    said = root.pk("--version")

    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("pk ")
    assert root.files() == before


def test_its_bill_of_materials_lists_all_that_is_in_it(program: Path) -> None:
    index, text = index_of(program.read_bytes()), file_of(program).read_text()
    bill = json.loads(text)
    parts = {part["bom-ref"]: part for part in [bill["metadata"]["component"], *bill["components"]]}

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    distributions = {f"{name}=={version}" for name, version in index["versions"].items()}
    assert len(distributions) > 25
    assert distributions - parts.keys() == set()
    assert index["libraries"].keys() - parts.keys() == set()
    assert parts.keys() - distributions - index["libraries"].keys() == {"python"}
    assert [ref for ref in parts if ref != "python" and not parts[ref].get("hashes")] == []
    assert parts["python"]["version"] == platform.python_version()
    hashes = {entry["content"] for entry in bill["metadata"]["component"]["hashes"]}
    assert hashes == {hashlib.sha256(program.read_bytes()).hexdigest()}


def test_every_distribution_in_it_is_the_locked_one(program: Path) -> None:
    locks = [re.findall(r"^(\S+)==(\S+) ", lock.read_text(), re.MULTILINE) for lock in (LOCK, LOCK_WITH_KERBEROS)]
    bundled = {
        name: version for name, version in index_of(program.read_bytes())["versions"].items() if name != "pk-kafka"
    }

    assert bundled in [dict(lock) for lock in locks]


def test_every_module_of_pk_is_in_it(program: Path) -> None:
    modules = {path.relative_to(peers.ROOT) for path in (peers.ROOT / "pykafka_cli").rglob("*.py")}

    assert modules <= {Path(path) for _, _, path, _ in index_of(program.read_bytes())["modules"].values()}


def test_it_explains_itself(root: EmptyRoot) -> None:
    assert "consumer-groups" in root.pk("--help").stdout


def test_the_course_is_in_it(root: EmptyRoot) -> None:
    assert "Keys and partitions" in root.pk("tutorial", "--list").stdout


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_what_is_produced_is_consumed(root: EmptyRoot, cluster: ClusterInside, codec: str) -> None:
    at = ("--bootstrap-server", cluster.bootstrap)
    created = root.pk("topics", *at, "--create", "--topic", codec, "--partitions", "1")
    assert (created.returncode, created.stdout) == (0, f"Created topic {codec}.\n")

    lines = "".join(f"line {number}\n" for number in range(1000))
    produced = root.pk("console-producer", *at, "--topic", codec, "--compression-codec", codec, stdin=lines)
    consumed = root.pk("console-consumer", *at, "--topic", codec, "--from-beginning", "--max-messages", "1000")

    assert (produced.returncode, produced.stderr) == (0, "")
    assert (consumed.returncode, consumed.stdout) == (0, lines)


def test_a_group_of_consumers_is_described(root: EmptyRoot, cluster: ClusterInside) -> None:
    at = ("--bootstrap-server", cluster.bootstrap)
    root.pk("console-producer", *at, "--topic", "grouped", stdin="a\n")
    root.pk("console-consumer", *at, "--topic", "grouped", "--group", "g", "--from-beginning", "--max-messages", "1")

    described = root.pk("consumer-groups", *at, "--describe", "--group", "g", "--output", "yaml")

    assert described.returncode == 0, described.stderr
    assert "topic: grouped" in described.stdout


def test_what_does_not_work_has_the_status_of_the_scripts(root: EmptyRoot, cluster: ClusterInside) -> None:
    at = ("--bootstrap-server", cluster.bootstrap)

    unknown = root.pk("topics", *at, "--describe", "--topic", "nowhere")
    misspelt = root.pk("topics", *at, "--lisst")

    assert (unknown.returncode, misspelt.returncode) == (1, 1)
    assert "Topic 'nowhere' does not exist as expected" in unknown.stdout + unknown.stderr
    assert "lisst" in misspelt.stdout + misspelt.stderr


def test_it_speaks_tls(root: EmptyRoot, cluster: ClusterInside) -> None:
    (root.path / "tmp/tls.properties").write_text("security.protocol=SSL\nrequest.timeout.ms=2000\n")

    refused = root.pk(
        "topics", "--bootstrap-server", cluster.bootstrap, "--command-config", "/tmp/tls.properties", "--list"
    )

    assert refused.returncode == 1  # the broker does not
    assert "is a Kafka listener without TLS" in refused.stdout


def test_a_cluster_that_was_terminated_continues_with_its_data(root: EmptyRoot, cluster: ClusterInside) -> None:
    created = root.pk("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", "kept")
    assert created.returncode == 0, created.stderr

    status = cluster.stop(signal.SIGTERM)
    cluster.start()
    listed = root.pk("topics", "--bootstrap-server", cluster.bootstrap, "--list")

    assert status == 0
    assert "kept" in listed.stdout.split()


def test_a_running_cluster_is_not_harmed_when_its_file_is_replaced(program: Path, tmp_path: Path) -> None:
    root = EmptyRoot(tmp_path / "root", program)
    running = ClusterInside(root)
    running.start()
    try:
        (tmp_path / "newer").write_text("another version")
        (tmp_path / "newer").replace(root.path / "pk")
        at = ("--bootstrap-server", running.bootstrap, "--topic", "t")

        # The broker has yet to import what a group needs.
        produced = run_pk(program, "console-producer", *at, stdin="a\n")
        consumed = run_pk(program, "console-consumer", *at, "--group", "g", "--from-beginning", "--max-messages", "1")
    finally:
        status = running.stop()

    assert (produced.returncode, consumed.stdout, status) == (0, "a\n", 0)


def run_pk(program: Path, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run([program, *words], input=stdin, capture_output=True, text=True, timeout=120, check=False)


def test_scripts_call_the_file(program: Path, tmp_path: Path) -> None:
    subprocess.run([program, "scripts", "install", str(tmp_path)], check=True, capture_output=True)

    said = subprocess.run([tmp_path / "kafka-topics.sh", "--version"], check=True, capture_output=True, text=True)

    assert str(program.resolve()) in (tmp_path / "kafka-topics.sh").read_text()
    assert said.stdout.startswith("3.9")


def test_python_variables_mean_nothing_to_it(program: Path, tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(7)")
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": str(tmp_path), "PYTHONSTARTUP": str(tmp_path / "json.py")}

    done = subprocess.run([program, "topics", "--version"], cwd=tmp_path, env=environment, check=False, timeout=120)

    assert done.returncode == 0
