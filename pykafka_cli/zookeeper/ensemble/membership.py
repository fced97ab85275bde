"""One server's place in an ensemble, by its files: zoo.cfg, zoo.cfg.dynamic.VERSION and dataDir/myid.

    membership = read_membership(settings, Path("zoo.cfg"))
    membership.is_distributed        False: it is a standalone server
    membership.me.election_address, membership.configuration.voters

The lines server.N are in zoo.cfg itself or in the file that dynamicConfigFile names. VERSION, in hex, is the version of
the configuration. zoo.cfg.dynamic.next, beside them, is one that was proposed and perhaps not committed.

Source: org.apache.zookeeper.server.quorum.QuorumPeerConfig
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from pykafka_cli.properties.grammar import Property, read_properties
from pykafka_cli.properties.keys import BadProperty, ConfigError
from pykafka_cli.properties.zookeeper import ZooKeeperSettings
from pykafka_cli.storage.files import DISK, Files
from pykafka_cli.zookeeper.ensemble.configuration import (
    ALL_ADDRESSES,
    NO_WEIGHTS,
    OBSERVER,
    Address,
    EnsembleConfiguration,
    EnsembleServer,
    InvalidConfiguration,
    is_hierarchical,
    servers_of,
)

_MYID = "myid"
_NEXT = ".dynamic.next"
_VERSION = re.compile(r"[0-9a-fA-F]{1,16}")
_WILDCARDS = (None, "0.0.0.0", "::", "0:0:0:0:0:0:0:0")


@dataclass(frozen=True, slots=True)
class Membership:
    """What the files contain.

    settings          with the address for clients that the ensemble knows, if it knows one
    configuration     all servers
    last_seen         one that was proposed and perhaps not committed; None: there is none
    my_id             of this server; None: the file myid is missing, as it may be for a standalone server
    config_file       zoo.cfg, if the settings are from a file
    dynamic_file      the one with the server.N lines, if they are not in zoo.cfg
    is_distributed    whether it is a server of an ensemble; otherwise it is standalone
    """

    settings: ZooKeeperSettings
    configuration: EnsembleConfiguration
    last_seen: EnsembleConfiguration | None
    my_id: int | None
    config_file: Path | None
    dynamic_file: Path | None

    @property
    def is_distributed(self) -> bool:
        return len(self.configuration.voters) > 1 or not self.settings.standalone_enabled

    @property
    def me(self) -> EnsembleServer:
        """This server; only if it is distributed."""
        assert self.my_id is not None
        return self.configuration.servers[self.my_id]


def read_membership(settings: ZooKeeperSettings, config_file: Path | None = None, files: Files = DISK) -> Membership:
    """Read a server's membership from its settings and the files that they name.

    config_file    the file of the settings; zoo.cfg.dynamic.next is beside it
    files          where they all are
    raises         ConfigError, which names file, line and what is wrong
    """
    dynamic_file = Path(settings.dynamic_config_file) if settings.dynamic_config_file else None
    last_seen = None
    if dynamic_file is None:
        _reject_weights(settings.hierarchy_lines)
        configuration = _configuration(settings.server_lines, 0)
    else:
        if given := [*settings.server_lines, *settings.hierarchy_lines]:
            why = f"with dynamicConfigFile, such lines must be in that file, {dynamic_file}"
            raise BadProperty(given[0].key, given[0].value, given[0].line, why)
        configuration = _read_dynamic(dynamic_file, files)
        if config_file is not None:
            last_seen = _read_next(Path(f"{config_file}{_NEXT}"), files)
    _ensure_possible(configuration, settings)
    my_id = _read_my_id(Path(settings.directories[0]) / _MYID, files)
    settings, configuration = _with_client_address(settings, configuration, my_id)
    read = Membership(settings, configuration, last_seen, my_id, config_file, dynamic_file)
    _ensure_member(read)
    return read


def _configuration(lines: list[Property], version: int) -> EnsembleConfiguration:
    return EnsembleConfiguration({each.id: each for each in servers_of(lines)}, version)


def _reject_weights(lines: list[Property]) -> None:
    for line in lines:
        raise BadProperty(line.key, line.value, line.line, NO_WEIGHTS)


def _read_dynamic(path: Path, files: Files) -> EnsembleConfiguration:
    """The configuration in a file zoo.cfg.dynamic.VERSION; without VERSION its version is 0."""
    try:
        lines = list({line.key: line for line in read_properties(files.read(str(path)))}.values())
        for line in lines:
            if is_hierarchical(line.key):
                raise BadProperty(line.key, line.value, line.line, NO_WEIGHTS)
            if not line.key.startswith("server."):
                raise BadProperty(line.key, line.value, line.line, "only server.N lines may be in a dynamicConfigFile")
        suffix = path.name.rpartition(".")[2]
        version = int(suffix, 16) if "." in path.name and _VERSION.fullmatch(suffix) else 0
        return _configuration(lines, version)
    except OSError as error:
        raise ConfigError(f"dynamicConfigFile {path} cannot be read: {error.strerror}") from None
    except BadProperty as error:
        raise InvalidConfiguration(f"{path}, line {error.line}: {error}") from None
    except ValueError as error:
        raise InvalidConfiguration(f"{path}: {error}") from None


def _read_next(path: Path, files: Files) -> EnsembleConfiguration | None:
    try:
        return EnsembleConfiguration.parse(files.read(str(path)).decode("iso-8859-1"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except ConfigError as error:
        raise InvalidConfiguration(f"{path}: {error}") from None


def _read_my_id(path: Path, files: Files) -> int | None:
    try:
        lines = files.read(str(path)).decode().splitlines()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    text = lines[0].strip() if lines else ""
    if not (text.isascii() and text.isdecimal()):
        raise ConfigError(f"{path} should contain the N of this server's line server.N, but contains {text[:40]!r}")
    return int(text)


def _ensure_possible(configuration: EnsembleConfiguration, settings: ZooKeeperSettings) -> None:
    """Source: QuorumPeerConfig.parseDynamicConfig"""
    voters, observers = configuration.voters, configuration.observers
    if not voters and not settings.standalone_enabled:
        raise ConfigError("standaloneEnabled is false, but no line server.N names a participant")
    if observers and (not voters or (len(voters) == 1 and settings.standalone_enabled)):
        raise ConfigError("there are observers, but fewer than two participants for them to follow")


def _with_client_address(
    settings: ZooKeeperSettings, configuration: EnsembleConfiguration, my_id: int | None
) -> tuple[ZooKeeperSettings, EnsembleConfiguration]:
    """Copy this server's clientPort to its line, or the other way around (QuorumPeerConfig.setupClientPort)."""
    me = None if my_id is None else configuration.servers.get(my_id)
    port, host = settings.client_port, settings.client_port_address
    if me is None:
        return settings, configuration
    if me.client is None:
        if port is not None:
            mine = replace(me, client=Address(host or ALL_ADDRESSES, port), client_is_own=True)
            configuration = replace(configuration, servers={**configuration.servers, me.id: mine})
        return settings, configuration
    if port is not None and (port != me.client.port or (host not in _WILDCARDS and host != me.client.host)):
        given = Address(host or ALL_ADDRESSES, port)
        raise ConfigError(
            f"clientPort is {given}, but the line server.{me.id} says that clients connect to {me.client}"
        )
    wanted = None if me.client.host in _WILDCARDS else me.client.host
    return settings.with_client_address(wanted, me.client.port), configuration


def _ensure_member(read: Membership) -> None:
    settings = read.settings
    if read.is_distributed:
        myid = Path(settings.directories[0]) / _MYID
        if read.my_id is None:
            raise ConfigError(f"{myid} is missing; write the N of this server's line server.N into it")
        if read.my_id not in read.configuration.servers:
            known = ", ".join(map(str, sorted(read.configuration.servers)))
            raise ConfigError(f"{myid} is {read.my_id}, but there is no line server.{read.my_id} among {known}")
    if settings.client_port is None and settings.secure_client_port is None:
        raise ConfigError("clientPort is not set; the usual port is 2181.")


def role_differs(read: Membership) -> bool:
    """Whether peerType contradicts the server's line, which takes precedence."""
    return (read.settings.peer_type.lower() == OBSERVER) != read.me.is_observer
