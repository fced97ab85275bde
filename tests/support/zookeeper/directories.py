"""Data directories recorded from ZooKeeper 3.8.4, and the trees they stand for."""

import json
from typing import Any

from pykafka_cli.zookeeper.server.tree import Tree
from tests.support.vectors import VECTORS


def recorded_tree(name: str) -> dict[str, dict[str, Any]]:
    """What ZooKeeper said of each znode, by path."""
    document = json.loads((VECTORS / "disk" / f"{name}.tree.json").read_text())
    return {znode["path"]: znode for znode in document["znodes"]}


def as_recorded(tree: Tree) -> dict[str, dict[str, Any]]:
    """A tree in the form of the recorded ones."""
    return {path: _znode(tree, path) for path in tree.nodes}


def _znode(tree: Tree, path: str) -> dict[str, Any]:
    node = tree.node(path)
    stat = node.client_stat()
    return {
        "path": path,
        **_data(node.data),
        "ephemeral": stat.ephemeral_owner != 0,
        "version": stat.version,
        "cversion": stat.cversion,
        "aversion": stat.aversion,
        "acl": [[who.scheme, who.id, perms] for perms, who in node.acl],
        "czxid": stat.czxid,
        "mzxid": stat.mzxid,
        "pzxid": stat.pzxid,
        "ctime": stat.ctime,
        "mtime": stat.mtime,
        "ephemeralOwner": stat.ephemeral_owner,
    }


def _data(data: bytes | None) -> dict[str, str | None]:
    if data is None:
        return {"data": None}
    try:
        return {"data": data.decode()}
    except UnicodeDecodeError:
        return {"hex": data.hex()}
