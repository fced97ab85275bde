"""The files of a configuration that can change (reconfigEnabled): zoo.cfg and those beside it.

    zoo.cfg                       everything but the servers; its dynamicConfigFile names the next file
    zoo.cfg.dynamic.VERSION       the servers, as of the transaction VERSION, in hex
    zoo.cfg.dynamic.next          servers and version that are proposed, and perhaps not committed
    zoo.cfg.bak                   zoo.cfg as it was while it still had the servers

Source: org.apache.zookeeper.server.quorum.QuorumPeerConfig (writeDynamicConfig, editStaticConfig), QuorumPeer
"""

import logging
import os
from pathlib import Path

from pykafka_cli.properties.grammar import read_properties
from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration
from pykafka_cli.zookeeper.ensemble.membership import Membership
from pykafka_cli.zookeeper.server.data_directory import sync_directory

_log = logging.getLogger(__name__)

_MOVED = ("server.", "group", "weight", "dynamicConfigFile", "peerType")
_CLIENT = "clientPort"


class DynamicFiles:
    """The files of one server. Without reconfigEnabled or a config file, nothing is written."""

    def __init__(self, membership: Membership) -> None:
        self._my_id = membership.my_id
        self._file = membership.config_file if membership.settings.reconfig_enabled else None
        self._has_servers = membership.dynamic_file is None

    def back_up(self) -> None:
        """Copy zoo.cfg before the servers are moved out of it; raises OSError."""
        if self._file is not None and self._has_servers:
            _replace(self._beside(".bak"), self._file.read_bytes())

    def commit(self, configuration: EnsembleConfiguration) -> None:
        """Write the configuration in force. A failure is only logged, since the tree contains it as well."""
        if self._file is None:
            return
        dynamic = self._beside(f".dynamic.{configuration.version:x}")
        me = configuration.servers.get(self._my_id) if self._my_id is not None else None
        names_port = me is not None and me.client is not None and not me.client_is_own
        try:
            _replace(dynamic, configuration.file_text().encode("iso-8859-1"))
            _replace(self._file, _without_servers(self._file.read_bytes(), dynamic, names_port=names_port))
            self._beside(".dynamic.next").unlink(missing_ok=True)
        except OSError as error:
            _log.error("The ensemble's new configuration cannot be written to %s: %s", error.filename, error.strerror)

    def _beside(self, suffix: str) -> Path:
        assert self._file is not None
        return self._file.with_name(f"{self._file.name}{suffix}")


def _without_servers(data: bytes, dynamic: Path, *, names_port: bool) -> bytes:
    """zoo.cfg without what moves to the dynamic file, and with the name of that file. Comments are kept.

    names_port    whether the dynamic file has the port for clients
    """
    moved = (*_MOVED, _CLIENT) if names_port else _MOVED
    dropped = {line.line for line in read_properties(data) if line.key.startswith(moved)}
    kept: list[str] = []
    is_dropped = continues = False
    for number, line in enumerate(data.decode("iso-8859-1").splitlines(), start=1):
        is_dropped = is_dropped if continues else number in dropped
        continues = (len(line) - len(line.rstrip("\\"))) % 2 == 1 and not line.lstrip().startswith(("#", "!"))
        if not is_dropped:
            kept.append(f"{line}\n")
    return "".join([*kept, f"dynamicConfigFile={dynamic.absolute()}\n"]).encode("iso-8859-1")


def _replace(path: Path, data: bytes) -> None:
    """Write a file as a whole or not at all."""
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)
