"""Software that nobody here wrote, found on this machine; a test that needs one which is missing says so and skips.

With PK_EXPECT_PEERS=1 (as .ci/run sets it) a missing peer is a failure: the gate must not pass by not looking.
"""

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

from binary.payload import BuildFailed
from binary.program import static_library

ROOT = Path(__file__).resolve().parents[2]
KAFKA_LIBS = Path(os.environ.get("PK_KAFKA_LIBS", ROOT / ".cache/kafka/libs"))
GO_PROGRAM = Path(os.environ.get("PK_FRANZ_GO", ROOT / ".cache/go/login"))
KAFKA_4_LIBS = Path(os.environ.get("PK_KAFKA_4_LIBS", ROOT / ".cache/kafka-4/libs"))
DEBIAN_JAVA = Path("/usr/share/java")
DEBIAN_ZOOKEEPER_JARS = [
    "zookeeper.jar", "zookeeper-jute.jar", "slf4j-api.jar", "slf4j-simple.jar", "log4j-1.2.jar", "commons-cli.jar",
    "netty-all.jar", "netty-handler.jar", "netty-common.jar", "netty-buffer.jar", "netty-transport.jar", "jline2.jar",
    "metrics-core.jar", "snappy-java.jar",
]  # fmt: skip


def _missing(what: str, remedy: str) -> NoReturn:
    reason = f"{what} is not on this machine; {remedy}"
    if os.environ.get("PK_EXPECT_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def program(name: str, remedy: str) -> str:
    """Path of an executable."""
    return shutil.which(name) or _missing(name, remedy)


def builder_of_dist_pk() -> None:
    """What `make binary` needs beside Python."""
    for name in ("gcc", "strip", "ldd"):
        program(name, "Debian's package gcc has it")
    try:
        static_library()
    except BuildFailed as missing:
        _missing("Python's static library", str(missing))


def mount_namespaces() -> None:
    """The kernel's leave to give a process a root directory of its own."""
    unshare = program("unshare", "Debian's package util-linux has it")
    if subprocess.run([unshare, "--mount", "--map-root-user", "true"], capture_output=True, check=False).returncode:
        _missing("A mount namespace", "run as root, or let the kernel give them to users")


def kcat() -> str:
    return program("kcat", "Debian's package kcat has it")


def gssapi() -> None:
    """The package that pk's extra `kerberos` brings."""
    if find_spec("gssapi") is None:
        _missing("The Python package gssapi", "`pip install -e .[kerberos]` builds it with Debian's libkrb5-dev")


def java() -> str:
    return program("java", "a JDK 11 or newer has it")


def small_java(megabytes: int) -> list[str]:
    """Java with so much heap, quick to start, that tells on stderr what its libraries warn of."""
    return _java(megabytes, "log4j.properties")


def loud_java(megabytes: int) -> list[str]:
    """The same, which says on stderr what its libraries are doing."""
    return _java(megabytes, "log4j-server.properties")


def _java(megabytes: int, logging: str) -> list[str]:
    file = (ROOT / "tests/compat/java" / logging).as_uri()
    return [java(), f"-Xmx{megabytes}m", "-XX:TieredStopAtLevel=1", f"-Dlog4j.configuration={file}"]


def kafka_classpath() -> str:
    """Class path with Apache Kafka 3.9.1's tools, broker and ZooKeeper."""
    java()
    if not any(KAFKA_LIBS.glob("kafka_2.13-*.jar")):
        _missing("Apache Kafka", "`make peers-java` fetches its jars with Maven")
    return f"{KAFKA_LIBS}/*"


def kafka_4_classpath() -> str:
    """Class path with Apache Kafka 4.3.1's tools and broker, which need Java 17."""
    java()
    if not any(KAFKA_4_LIBS.glob("kafka_2.13-*.jar")):
        _missing("Apache Kafka 4", "`make peers-java-4` fetches its jars with Maven")
    return f"{KAFKA_4_LIBS}/*"


def java_program(name: str, folder: Path) -> list[str]:
    """The words that start a class of tests/compat/java, compiled into the folder, with Kafka's jars beside it."""
    compiler, libraries = program("javac", "a JDK 11 or newer has it"), kafka_classpath()
    source = ROOT / f"tests/compat/java/{name}.java"
    subprocess.run([compiler, "-Xlint:all", "-Werror", "-d", str(folder), "-cp", libraries, str(source)], check=True)
    return [*small_java(128), "-XX:+UseSerialGC", "-cp", f"{folder}:{libraries}", name]


def debian_zookeeper_classpath() -> str:
    """Class path of the ZooKeeper 3.8 that Debian ships."""
    java()
    if not (DEBIAN_JAVA / "zookeeper.jar").exists():
        _missing("Debian's ZooKeeper", "the package zookeeper has it")
    return ":".join(str(DEBIAN_JAVA / jar) for jar in DEBIAN_ZOOKEEPER_JARS if (DEBIAN_JAVA / jar).exists())


def kafkajs() -> tuple[str, Path]:
    """Path of node, and the folder from which a script can require kafkajs."""
    node = program("node", "Node.js 18 or newer has it")
    folder = ROOT / "tests/compat/javascript"
    if not (folder / "node_modules/kafkajs").exists():
        _missing("kafkajs", "`make peers-javascript` fetches it with npm")
    return node, folder


def franz_go() -> str:
    """Path of tests/compat/go, which is built with franz-go."""
    if not GO_PROGRAM.exists():
        _missing("franz-go", "`make peers-go` fetches and builds it with Go 1.26 or newer")
    return str(GO_PROGRAM)
