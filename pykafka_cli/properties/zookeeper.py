"""A ZooKeeper server's settings: the keys of zookeeper.properties (zoo.cfg), with ZooKeeper 3.8's names and defaults.

    settings = ZooKeeperSettings(read_properties(Path("config/zookeeper.properties").read_bytes()))
    settings.data_dir, settings.client_port, settings.tick_time

Keys that ZooKeeper reads as Java system properties (zookeeper.preAllocSize) are listed without the prefix, as its own
configuration reader also accepts them. Source: org.apache.zookeeper.server.quorum.QuorumPeerConfig.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Self

from pykafka_cli.model import Milliseconds
from pykafka_cli.properties import metrics
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.keys import (
    BOOLEAN,
    HIGH,
    INT,
    LIST,
    LONG,
    STRING,
    AtLeast,
    BadProperty,
    Between,
    ConfigError,
    InertKey,
    Key,
    UnsupportedProtection,
)
from pykafka_cli.properties.zookeeper_admin import ZooKeeperAdminKeys
from pykafka_cli.properties.zookeeper_ensemble import ZooKeeperEnsembleKeys
from pykafka_cli.properties.zookeeper_security import ZooKeeperSecurityKeys

NOTHING_MORE: Mapping[str, str] = MappingProxyType({})
READ_ONLY_WORDS = "ruok, srvr, stat, mntr, cons, envi, conf, isro, dump, dirs, wchs, wchc, wchp, gtmk"
_FEWEST_SNAPSHOTS = 3
_SERVER = re.compile(r"server\..*")
_HIERARCHY = re.compile(r"(group|weight).*")
_AUTH_PROVIDER = re.compile(r"authProvider\..+")
_PROVIDERS = {
    f"org.apache.zookeeper.server.auth.{name}AuthenticationProvider": scheme
    for name, scheme in (("SASL", "sasl"), ("X509", "x509"), ("Digest", "digest"), ("IP", "ip"))
}
_SUPER_USER = re.compile(r"superUser\..+")
# Keys of parts that only an ensemble or a Java server has; there may be any number of them.
_WITHOUT_EFFECT = re.compile(r"(metricsProvider|multiAddress|quorum|ssl\.quorum|admin|jvm|kerberos)\..+")

_OF_ENSEMBLES, _OF_ADMIN_TLS = ZooKeeperEnsembleKeys.KEYS, "ssl.quorum."
_SECRET = re.compile(r".*(password|superdigest)", re.IGNORECASE)
_HIDDEN = "[hidden]"
_COMMON = ("initLimit", "syncLimit")  # every sample file has them, so that to report them would help nobody


class ZooKeeperSettings(ZooKeeperSecurityKeys, ZooKeeperEnsembleKeys, ZooKeeperAdminKeys):
    """One server's settings; zookeeper_{security,ensemble,admin}.py have those about these subjects.

    originals         the given texts by name
    warnings          a line for each unknown key, with its number
    without_effect    names of given keys that have no effect here
    server_lines      the lines server.N; zookeeper/ensemble/membership.py reads them
    hierarchy_lines   the lines group.N and weight.N, which no ensemble of this server may have
    """

    originals: dict[str, str]
    without_effect: list[str]
    server_lines: list[Property]
    hierarchy_lines: list[Property]

    data_dir = Key[str | None](
        STRING, None, "Directory of snapshots and, unless dataLogDir is set, of logs.", name="dataDir", importance=HIGH
    )
    data_log_dir = Key[str | None](
        STRING, None, "Directory of the transaction log, ideally on a dedicated disk.", name="dataLogDir"
    )
    client_port = Key[int | None](
        INT, None, "The port for clients; 0 means any free port.", Between(0, 65535), name="clientPort", importance=HIGH
    )
    client_port_address = Key[str | None](
        STRING, None, "The address to listen on; by default all of this machine.", name="clientPortAddress"
    )
    client_port_listen_backlog = Key(
        INT,
        -1,
        "Maximum number of connections that wait to be accepted; -1 means the default.",
        name="clientPortListenBacklog",
    )
    tick_time = Key(
        INT, 3000, "One tick, in ms: the unit of session timeouts.", AtLeast(1), name="tickTime", importance=HIGH
    )
    min_session_timeout = Key(
        INT, -1, "The shortest timeout a session may have, in ms; -1: two ticks.", name="minSessionTimeout"
    )
    max_session_timeout = Key(
        INT, -1, "The longest timeout a session may have, in ms; -1: twenty ticks.", name="maxSessionTimeout"
    )
    max_client_cnxns = Key(
        INT, 60, "Maximum number of connections from one address; 0 means no limit.", AtLeast(0), name="maxClientCnxns"
    )
    max_cnxns = Key(INT, 0, "Maximum number of connections; 0 means no limit.", AtLeast(0), name="maxCnxns")
    snap_count = Key(
        INT, 100_000, "Number of transactions after which a snapshot is written.", AtLeast(2), name="snapCount"
    )
    pre_alloc_size = Key(
        INT,
        65_536,
        "KiB to preallocate in the log; 0 disables it.",
        AtLeast(0),
        name="preAllocSize",
    )
    autopurge_snap_retain_count = Key(
        INT,
        3,
        "Number of snapshots to keep, with their logs, when purging; at least 3.",
        name="autopurge.snapRetainCount",
    )
    autopurge_purge_interval = Key(
        INT,
        0,
        "Hours between purges of old snapshots and logs; 0 means never.",
        AtLeast(0),
        name="autopurge.purgeInterval",
    )
    four_letter_words = Key(
        LIST,
        ("srvr",),
        f"Four-letter words that are allowed; * means all. Those that change nothing:  {READ_ONLY_WORDS}.",
        name="4lw.commands.whitelist",
    )
    jute_maxbuffer = Key(
        INT,
        0xFFFFF,
        "The largest request, in bytes; in an ensemble, the same on all servers.",
        AtLeast(1024),
        name="jute.maxbuffer",
    )
    fsync_warningthresholdms = Key(LONG, 1000, "Duration of a write to disk that causes a warning, in ms.", AtLeast(0))
    container_check_interval_ms = Key(
        INT,
        60_000,
        "How often to check for containers without children, in ms.",
        AtLeast(1),
        name="znode.container.checkIntervalMs",
    )
    container_max_never_used_ms = Key(
        LONG,
        0,
        "How long a container may have no child yet, in ms; 0 means forever.",
        AtLeast(0),
        name="znode.container.maxNeverUsedIntervalMs",
    )
    extended_types_enabled = Key(BOOLEAN, False, "Whether znodes may have a time to live.", name="extendedTypesEnabled")
    enforce_quota = Key(
        BOOLEAN, False, "Whether changes that exceed the hard limits of quotas are rejected.", name="enforceQuota"
    )
    skip_acl = Key(STRING, "no", "yes means that ACLs are kept but not enforced.", name="skipACL")
    global_outstanding_limit = InertKey(
        INT,
        1000,
        "Maximum number of waiting requests; here, each connection has a limit.",
        name="globalOutstandingLimit",
    )
    snap_size_limit_in_kb = InertKey(LONG, 4_194_304, "KiB of log between snapshots.", name="snapSizeLimitInKb")

    def __init__(self, properties: Iterable[Property] = ()) -> None:
        """raises ConfigError (BadProperty if one value is to blame)"""
        given = list(properties)
        self._given = {p.key: p for p in given}
        self.originals = {p.key: p.value for p in given}
        plain = [p for p in given if p.key in self.KEYS]
        odd = [p for p in given if p.key not in self.KEYS]
        self.server_lines = [p for p in odd if _SERVER.fullmatch(p.key)]
        self.hierarchy_lines = [p for p in odd if _HIERARCHY.fullmatch(p.key)]
        patterns = (_WITHOUT_EFFECT, _AUTH_PROVIDER, _SUPER_USER, _SERVER, _HIERARCHY)
        unknown = (p for p in odd if not any(each.fullmatch(p.key) for each in patterns))
        super().__init__([*plain, *unknown])
        self.metrics_address = metrics.of_zookeeper(self.originals, {p.key: p.line for p in given})
        """Where metrics are shown to Prometheus; None if they are not."""
        self.without_effect = [
            *(name for name in self.KEYS if name in self._given and not self._has_effect(name)),
            *(p.key for p in odd if _WITHOUT_EFFECT.fullmatch(p.key) and not self._is_of_metrics(p.key)),
            *([] if self.may_be_distributed else [p.key for p in (*self.hierarchy_lines, *self.server_lines)]),
        ]
        self._ensure_can_start()

    @classmethod
    def on_loopback(cls, data_dir: str, port: int, more: Mapping[str, str] = NOTHING_MORE) -> Self:
        """Settings for a server on this machine alone, with any number of connections; port 0: any free one."""
        given = {"dataDir": data_dir, "clientPort": str(port), "clientPortAddress": "127.0.0.1", "maxClientCnxns": "0"}
        return cls([Property(name, text, 0) for name, text in {**given, **more}.items()])

    @property
    def may_be_distributed(self) -> bool:
        """Whether this may be a server of an ensemble; if not, it is alone, and no other file needs to be read."""
        has_port = self.client_port is not None or self.secure_client_port is not None
        servers = self.server_lines[has_port:]  # the line of a lone server may have the port for clients
        return bool(self.dynamic_config_file or servers or not self.standalone_enabled)

    @property
    def directories(self) -> tuple[str, str]:
        """The directories of snapshots and of logs."""
        data = self.data_dir or ""
        return data, self.data_log_dir or data

    def with_client_address(self, host: str | None, port: int) -> Self:
        """These settings with another address for clients; host None means all addresses of this machine."""
        changed = [p for p in self._given.values() if p.key not in ("clientPort", "clientPortAddress")]
        changed.append(Property("clientPort", str(port), 0))
        if host is not None:
            changed.append(Property("clientPortAddress", host, 0))
        return type(self)(changed)

    @property
    def session_timeouts(self) -> tuple[Milliseconds, Milliseconds]:
        """The shortest and the longest timeout a session may have."""
        shortest = 2 * self.tick_time if self.min_session_timeout == -1 else self.min_session_timeout
        longest = 20 * self.tick_time if self.max_session_timeout == -1 else self.max_session_timeout
        return Milliseconds(shortest), Milliseconds(longest)

    @property
    def has_tls(self) -> bool:
        """Whether there is a port on which clients may use TLS."""
        unified = self.client_port is not None and self.client_port_unification
        return self.secure_client_port is not None or unified

    @property
    def schemes(self) -> frozenset[str]:
        """The schemes of authentication that keys name; DIGEST-MD5 logins bring `sasl` with them."""
        named = {_PROVIDERS[p.value.strip()] for p in self._given.values() if _AUTH_PROVIDER.fullmatch(p.key)}
        with_tls = {self.ssl_auth_provider} if self.has_tls else set()
        digest = {"digest"} if self.digest_enabled else set()
        return frozenset(named - {"digest"} | with_tls | digest | {"ip"})

    @property
    def required_schemes(self) -> frozenset[str]:
        """Every client must authenticate by one of these; none: nobody has to."""
        required = set(self.require_client_auth_scheme)
        if self.session_require_client_sasl_auth:
            required.add("sasl")
        elif self.enforce_auth_enabled:
            required.update(self.enforce_auth_schemes)
        return frozenset(required)

    @property
    def sasl_super_users(self) -> frozenset[str]:
        """SASL users that may do everything."""
        more = {p.value.strip() for p in self._given.values() if _SUPER_USER.fullmatch(p.key)}
        return frozenset(more | ({self.super_user} if self.super_user else set()))

    @property
    def skips_acl(self) -> bool:
        return self.skip_acl == "yes"

    @property
    def shown_originals(self) -> dict[str, str]:
        """The given texts by name, but not what is secret in them."""
        return {name: _HIDDEN if _SECRET.fullmatch(name) else text for name, text in self.originals.items()}

    def _is_of_metrics(self, name: str) -> bool:
        return self.metrics_address is not None and name in metrics.OF_ZOOKEEPER

    def allows_word(self, word: str) -> bool:
        """Whether a four-letter word is allowed; srvr always is, as ZooKeeper's own scripts need it."""
        return word == "srvr" or word in self.four_letter_words or "*" in self.four_letter_words

    def _ensure_can_start(self) -> None:
        if not self.data_dir:
            raise ConfigError("dataDir is not set")
        if self.client_port is None and self.secure_client_port is None and not self.may_be_distributed:
            raise ConfigError("clientPort is not set; the usual port is 2181.")
        for port, address in (("clientPort", "clientPortAddress"), ("secureClientPort", "secureClientPortAddress")):
            if self[address] is not None and self[port] is None:
                raise ConfigError(f"{address} is set but {port} is not set")
        self._ensure_security()
        shortest, longest = self.session_timeouts
        if shortest > longest:
            given = "minSessionTimeout" if "minSessionTimeout" in self._given else "maxSessionTimeout"
            raise self._bad(given, f"no session could last at least {shortest} and at most {longest} ms")
        if not self.admin_command_url.startswith("/"):
            raise self._bad("admin.commandURL", "a path begins with /")
        if self.autopurge_snap_retain_count < _FEWEST_SNAPSHOTS:
            self._set({"autopurge.snapRetainCount": _FEWEST_SNAPSHOTS})

    def _ensure_security(self) -> None:
        """Reject security that is not implemented, and what would let nobody in."""
        for name, given in self._given.items():
            key = self.KEYS.get(name)
            if isinstance(key, UnsupportedProtection) and self._protects(name):
                key.ensure_not_counted_on(name, given.value, given.line)
            if _AUTH_PROVIDER.fullmatch(name) and given.value.strip() not in _PROVIDERS:
                raise self._bad(
                    name, f"this server authenticates by {', '.join(_PROVIDERS)}; remove it to start without"
                )
        if self.enforce_auth_enabled and not self.required_schemes:
            raise self._bad("enforce.auth.enabled", "enforce.auth.schemes must be set as well")
        for name in ("requireClientAuthScheme", "enforce.auth.schemes"):
            if unknown := sorted(set(self[name]) - self.schemes - {"sasl"}):
                raise self._bad(name, f"the scheme {unknown[0]} is not among those of this server")

    def _protects(self, name: str) -> bool:
        """Whether a key about security is about something that this server does."""
        return self.may_be_distributed or name not in _OF_ENSEMBLES

    def _has_effect(self, name: str) -> bool:
        if name.startswith(_OF_ADMIN_TLS):
            return self.admin_enable_server and self.has_admin_tls
        return self.KEYS[name].effective and (self.may_be_distributed or name in _COMMON or name not in _OF_ENSEMBLES)

    def _bad(self, name: str, why: str) -> BadProperty:
        given = self._given[name]
        return BadProperty(name, given.value, given.line, why)
