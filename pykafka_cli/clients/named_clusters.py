"""Clusters with names, one of them current: where to connect by default.

    current: staging
    clusters:
      staging:
        bootstrap-server: b1:9093,b2:9093
        command-config: /home/me/staging.properties

Keys are named after options. The file is $PK_CONFIG, or pk/config.yaml in the folder for configuration.
Passwords stay in the .properties file that command-config names.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pykafka_cli.clients.settings import BadClientSetting

FILE_VARIABLE = "PK_CONFIG"
CLUSTER_VARIABLE = "PK_CLUSTER"


class NamedCluster(NamedTuple):
    """How to connect to a cluster."""

    bootstrap_server: str
    command_config: str | None = None


class NamedClusters(NamedTuple):
    clusters: Mapping[str, NamedCluster]
    current: str | None = None


def clusters_file() -> Path:
    if given := os.environ.get(FILE_VARIABLE):
        return Path(given)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "pk" / "config.yaml"


def read_clusters() -> NamedClusters:
    """The content of the file; empty if there is none.

    raises    BadClientSetting
    """
    file = clusters_file()
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return NamedClusters({})
    except (OSError, UnicodeDecodeError) as error:
        raise BadClientSetting(f"{file}: {getattr(error, 'strerror', None) or error}") from None
    import yaml

    try:
        return _read(yaml.safe_load(text))
    except (yaml.YAMLError, ValueError) as error:
        raise BadClientSetting(f"{file}: {' '.join(str(error).split())}") from None


def write_clusters(found: NamedClusters) -> None:
    """Replace the file.

    raises    BadClientSetting
    """
    import yaml

    file = clusters_file()
    clusters = {
        name: {
            "bootstrap-server": cluster.bootstrap_server,
            **({"command-config": cluster.command_config} if cluster.command_config else {}),
        }
        for name, cluster in sorted(found.clusters.items())
    }
    document = {**({"current": found.current} if found.current else {}), "clusters": clusters}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f"{file.name}.{os.getpid()}")
        temporary.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        temporary.replace(file)
    except OSError as error:
        raise BadClientSetting(f"{file}: {(error.strerror or str(error)).lower()}") from None


def chosen_cluster() -> NamedCluster | None:
    """The one that $PK_CLUSTER names, or the current one; None if there is neither.

    raises    BadClientSetting
    """
    by_variable = os.environ.get(CLUSTER_VARIABLE)
    found = read_clusters()
    if (name := by_variable or found.current) is None:
        return None
    if name not in found.clusters:
        origin = CLUSTER_VARIABLE if by_variable else "current"
        raise BadClientSetting(f"{clusters_file()} has no cluster {name}, which {origin} names")
    return found.clusters[name]


def _read(document: Any) -> NamedClusters:
    """raises    ValueError"""
    if document is None:
        return NamedClusters({})
    clusters = document.get("clusters", {}) if isinstance(document, dict) else None
    if not isinstance(clusters, dict):
        raise ValueError("the key `clusters` must be a mapping")
    current = document.get("current")
    if current is not None and not isinstance(current, str):
        raise ValueError("`current` must be the name of a cluster")
    return NamedClusters({str(name): _read_cluster(str(name), each) for name, each in clusters.items()}, current)


def _read_cluster(name: str, entry: Any) -> NamedCluster:
    match entry:
        case {"bootstrap-server": str(addresses), "command-config": str(file)}:
            return NamedCluster(addresses, str(Path(file).expanduser()))
        case {"bootstrap-server": str(addresses), **rest} if "command-config" not in rest:
            return NamedCluster(addresses)
    raise ValueError(f"cluster {name} needs `bootstrap-server: HOST:PORT,...`, and may have `command-config: FILE`")
