"""The keys of a ZooKeeper server that matter only in an ensemble; they have no effect on a standalone server.

Who belongs to the ensemble is in the lines `server.N`, of the same file or of dynamicConfigFile; zookeeper/ensemble/
reads them. Source: org.apache.zookeeper.server.quorum.QuorumPeerConfig.
"""

from pykafka_cli.properties.checks import OneOfAnyCase
from pykafka_cli.properties.keys import (
    BOOLEAN,
    DOUBLE,
    HIGH,
    INT,
    STRING,
    AtLeast,
    Between,
    InertKey,
    Key,
    OneOf,
    Settings,
    UnsupportedProtection,
)


class ZooKeeperEnsembleKeys(Settings):
    """How a server takes part in an ensemble."""

    init_limit = Key(
        INT, 10, "Ticks that a follower may take to connect to the leader and to catch up with it.", AtLeast(1),
        name="initLimit", importance=HIGH,
    )  # fmt: skip
    sync_limit = Key(
        INT, 5, "Ticks that leader and followers may be silent before they give each other up.", AtLeast(1),
        name="syncLimit", importance=HIGH,
    )  # fmt: skip
    peer_type = Key(
        STRING, "participant", "participant (votes) or observer; the server.N lines take precedence.",
        OneOfAnyCase("PARTICIPANT", "OBSERVER"), name="peerType",
    )  # fmt: skip
    dynamic_config_file = Key[str | None](
        STRING, None, "The file with the server.N lines, if they are not in this one.", name="dynamicConfigFile"
    )
    standalone_enabled = Key(
        BOOLEAN, True, "Whether a server that has no other participant runs on its own, without elections.",
        name="standaloneEnabled",
    )  # fmt: skip
    reconfig_enabled = Key(
        BOOLEAN, False, "Whether servers can be added to and removed from a running ensemble.", name="reconfigEnabled"
    )
    election_alg = Key(
        INT, 3, "How the leader is elected: 3, the only one that ZooKeeper still has.", Between(3, 3),
        name="electionAlg",
    )  # fmt: skip
    quorum_listen_on_all_ips = Key(
        BOOLEAN, False, "Whether the ports for other servers are opened on all addresses of this machine.",
        name="quorumListenOnAllIPs",
    )  # fmt: skip
    connect_to_learner_master_limit = InertKey(
        INT, 0, "Ticks that a server tries to connect to the leader; here it tries five times.", AtLeast(0),
        name="connectToLearnerMasterLimit",
    )  # fmt: skip
    leader_serves = Key(
        STRING, "yes", "Whether the leader accepts clients: yes or no.", OneOf("yes", "no"), name="leaderServes"
    )
    read_only_mode_enabled = Key(
        BOOLEAN, False, "Whether a server that has lost the majority serves reads to clients that accept that.",
        name="readonlymode.enabled",
    )  # fmt: skip
    local_sessions_enabled = InertKey(
        BOOLEAN, False, "Whether sessions are known to one server only, until they create ephemeral znodes.",
        name="localSessionsEnabled",
    )  # fmt: skip
    local_sessions_upgrading_enabled = InertKey(
        BOOLEAN, False, "Whether such a session may create ephemeral znodes.", name="localSessionsUpgradingEnabled"
    )
    commit_log_count = Key(
        INT, 500, "Transactions that are kept in memory for followers that were not reachable.", AtLeast(1),
        name="commitLogCount",
    )  # fmt: skip
    snapshot_size_factor = Key(
        DOUBLE, 0.33, "Logs that a follower may get in place of a snapshot, as a fraction of its size; negative: none.",
        name="snapshotSizeFactor",
    )  # fmt: skip
    election_port_bind_retry = InertKey(
        INT, 3, "How often to try to open the election port.", name="electionPortBindRetry"
    )
    cnx_timeout = Key(
        INT, 5000, "How long to try to connect to another server's election port, in ms.", AtLeast(1),
        name="cnxTimeout",
    )  # fmt: skip
    min_notification_interval = Key(
        INT, 200, "How long a server waits for votes before it sends its own again, at first, in ms.", AtLeast(1),
        name="fastleader.minNotificationInterval",
    )  # fmt: skip
    max_notification_interval = Key(
        INT, 60_000, "How long it waits at most, in ms.", AtLeast(1), name="fastleader.maxNotificationInterval"
    )
    sync_enabled = InertKey(
        BOOLEAN, True, "Whether observers write a log and snapshots; here they do.", name="syncEnabled"
    )
    observer_master_port = InertKey(
        INT, 0, "Where observers can follow a follower; here they follow the leader.", name="observerMasterPort"
    )
    oracle_path = UnsupportedProtection(
        STRING, None, "A file that decides for one of two servers.", name="oraclePath",
        loss="this server knows no oracle: the majority of the servers decides",
    )  # fmt: skip
    ssl_quorum = UnsupportedProtection(
        BOOLEAN, False, "Whether servers connect to each other by TLS.", name="sslQuorum",
        loss="this server does not use TLS with other servers, which would read and change everything unencrypted",
    )  # fmt: skip
    port_unification = InertKey(
        BOOLEAN, False, "Whether the ports for other servers accept TLS as well.", name="portUnification"
    )
    ssl_quorum_reload_cert_files = InertKey(
        BOOLEAN, False, "Whether new certificates are read while the server runs.", name="sslQuorumReloadCertFiles"
    )
    quorum_auth_enable_sasl = UnsupportedProtection(
        BOOLEAN, False, "Whether servers log in to each other.", name="quorum.auth.enableSasl",
        loss="this server does not authenticate other servers, so that anyone could join",
    )  # fmt: skip
    quorum_auth_server_require_sasl = UnsupportedProtection(
        BOOLEAN, False, "Whether other servers must log in.", name="quorum.auth.serverRequireSasl",
        loss="this server does not authenticate other servers, so that anyone could join",
    )  # fmt: skip
    quorum_auth_learner_require_sasl = UnsupportedProtection(
        BOOLEAN, False, "Whether the leader must log in.", name="quorum.auth.learnerRequireSasl",
        loss="this server does not authenticate other servers, so that anyone could lead",
    )  # fmt: skip
