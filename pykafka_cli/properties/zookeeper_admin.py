"""The keys of a ZooKeeper server's admin server, which responds to commands over HTTP.

Source: org.apache.zookeeper.server.admin.JettyAdminServer
"""

from pykafka_cli.properties.keys import (
    BOOLEAN,
    INT,
    LOW,
    PASSWORD,
    STRING,
    AtLeast,
    Between,
    InertKey,
    Key,
    Password,
    Settings,
)
from pykafka_cli.properties.zookeeper_security import STORE_TYPES


class ZooKeeperAdminKeys(Settings):
    """Where a server responds to commands over HTTP, if it does."""

    @property
    def has_admin_tls(self) -> bool:
        """Whether commands are served by TLS, perhaps only so."""
        return self.admin_force_https or self.admin_port_unification

    admin_enable_server = Key(
        BOOLEAN, False, "Whether to respond to commands over HTTP, as /commands/stat. ZooKeeper's own default is true.",
        name="admin.enableServer", importance=LOW,
    )  # fmt: skip
    admin_server_address = Key(
        STRING, "127.0.0.1", "The address to listen on for HTTP. ZooKeeper's own default is 0.0.0.0, all addresses.",
        name="admin.serverAddress", importance=LOW,
    )  # fmt: skip
    admin_server_port = Key(
        INT, 8080, "The port for HTTP; 0 means any free port.", Between(0, 65535),
        name="admin.serverPort", importance=LOW,
    )  # fmt: skip
    admin_idle_timeout = Key(
        INT, 30_000, "How long a client may take to send a request or to read the response, in ms.", AtLeast(1),
        name="admin.idleTimeout", importance=LOW,
    )  # fmt: skip
    admin_command_url = Key(
        STRING, "/commands", "The path of the commands.", name="admin.commandURL", importance=LOW
    )  # fmt: skip
    admin_http_version = InertKey(
        INT, 11, "The version of HTTP; here it is 1.0, with a connection for each request.",
        name="admin.httpVersion", importance=LOW,
    )  # fmt: skip
    admin_force_https = Key(
        BOOLEAN, False, "Whether commands are served by TLS only.", name="admin.forceHttps", importance=LOW
    )
    admin_port_unification = Key(
        BOOLEAN, False, "Whether commands are served by TLS as well.", name="admin.portUnification", importance=LOW
    )
    admin_need_client_auth = Key(
        BOOLEAN, False, "Whether clients that use TLS must show a certificate (ZooKeeper 3.9).",
        name="admin.needClientAuth", importance=LOW,
    )  # fmt: skip
    ssl_quorum_keystore_location = Key[str | None](
        STRING, None, "The file with the key and certificate of the admin server, for TLS.",
        name="ssl.quorum.keyStore.location", importance=LOW,
    )  # fmt: skip
    ssl_quorum_keystore_password = Key[Password | None](
        PASSWORD, None, "The password of that file and of its key.", name="ssl.quorum.keyStore.password", importance=LOW
    )
    ssl_quorum_keystore_password_path = Key[str | None](
        STRING, None, "A file with that password; takes precedence over it.", name="ssl.quorum.keyStore.passwordPath",
        importance=LOW,
    )  # fmt: skip
    ssl_quorum_keystore_type = Key[str | None](
        STRING, None, "PEM, PKCS12 or JKS; by default the file decides.", STORE_TYPES, name="ssl.quorum.keyStore.type",
        importance=LOW,
    )  # fmt: skip
    ssl_quorum_truststore_location = Key[str | None](
        STRING, None, "The file with the authorities that admin.needClientAuth requires.",
        name="ssl.quorum.trustStore.location", importance=LOW,
    )  # fmt: skip
    ssl_quorum_truststore_password = Key[Password | None](
        PASSWORD, None, "The password of that file.", name="ssl.quorum.trustStore.password", importance=LOW
    )
    ssl_quorum_truststore_password_path = Key[str | None](
        STRING, None, "A file with that password; takes precedence over it.",
        name="ssl.quorum.trustStore.passwordPath", importance=LOW,
    )  # fmt: skip
    ssl_quorum_truststore_type = Key[str | None](
        STRING, None, "PEM, PKCS12 or JKS; by default the file decides.", STORE_TYPES,
        name="ssl.quorum.trustStore.type", importance=LOW,
    )  # fmt: skip
    admin_rate_limiter_interval_in_ms = InertKey(
        INT, 300_000, "How often snapshots may be requested (ZooKeeper 3.9); here they cannot be.",
        name="admin.rateLimiterIntervalInMS", importance=LOW,
    )  # fmt: skip
    admin_snapshot_enabled = InertKey(
        BOOLEAN, True, "Whether snapshots may be requested (ZooKeeper 3.9); here they cannot be.",
        name="admin.snapshot.enabled", importance=LOW,
    )  # fmt: skip
    admin_restore_enabled = InertKey(
        BOOLEAN, True, "Whether snapshots may be restored (ZooKeeper 3.9); here they cannot be.",
        name="admin.restore.enabled", importance=LOW,
    )  # fmt: skip
