"""The files of a configuration that can change (reconfigEnabled): zoo.cfg and those beside it.

    zoo.cfg                       everything but the servers; its dynamicConfigFile names the next file
    zoo.cfg.dynamic.VERSION       the servers, as of the transaction VERSION, in hex
    zoo.cfg.dynamic.next          servers and version that are proposed, and perhaps not committed
    zoo.cfg.bak                   zoo.cfg as it was while it still had the servers

Source: org.apache.zookeeper.server.quorum.QuorumPeerConfig (writeDynamicConfig, editStaticConfig), QuorumPeer
"""

import logging
from pathlib import Path

from pykafka_cli.properties.grammar import read_properties
from pykafka_cli.storage.files import DISK, Files
from pykafka_cli.zookeeper.ensemble.configuration import EnsembleConfiguration
from pykafka_cli.zookeeper.ensemble.membership import Membership

_log = logging.getLogger(__name__)

_MOVED = ("server.", "group", "weight", "dynamicConfigFile", "peerType")
_CLIENT = "clientPort"


class DynamicFiles:
    """The files of one server. Without reconfigEnabled or a config file, nothing is written."""

    def __init__(self, membership: Membership, files: Files = DISK) -> None:
        self._files = files
        self._my_id = membership.my_id
        file = membership.config_file if membership.settings.reconfig_enabled else None
        self._file = file.absolute() if file is not None else None
        self._has_servers = membership.dynamic_file is None

    def back_up(self) -> None:
        """Copy zoo.cfg before the servers are moved out of it; raises OSError."""
        if self._file is not None and self._has_servers:
            self._files.replace(self._beside(".bak"), self._files.read(str(self._file)))

    def commit(self, configuration: EnsembleConfiguration) -> None:
        """Write the configuration in force. A failure is only logged, since the tree contains it as well."""
        if self._file is None:
            return
        dynamic = self._beside(f".dynamic.{configuration.version:x}")
        me = configuration.servers.get(self._my_id) if self._my_id is not None else None
        names_port = me is not None and me.client is not None and not me.client_is_own
        try:
            self._files.replace(dynamic, configuration.file_text().encode("iso-8859-1"))
            static = _without_servers(self._files.read(str(self._file)), Path(dynamic), names_port=names_port)
            self._files.replace(str(self._file), static)
            self._files.remove(self._beside(".dynamic.next"))
        except OSError as error:
            _log.error("The ensemble's new configuration cannot be written to %s: %s", error.filename, error.strerror)

    def _beside(self, suffix: str) -> str:
        return f"{self._file}{suffix}"


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
