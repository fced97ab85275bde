"""Keys of listeners, connections, TLS, SASL and authorization."""

from pykafka_cli.properties.keys import (
    CLUSTER_WIDE,
    HIGH,
    INT,
    LIST,
    LONG,
    LOW,
    MAX_INT,
    PASSWORD,
    PER_BROKER,
    STRING,
    AtLeast,
    InertKey,
    Key,
    OneOf,
    Password,
    Settings,
    Strings,
)


class NetworkKeys(Settings):
    """Keys of listeners, connections, TLS, SASL and authorization."""

    listeners = Key(
        STRING,
        "PLAINTEXT://:9092",
        "Listeners: NAME://host:port, separated by commas; no host means every interface, port 0 any free port. If "
        "neither this nor advertised.listeners is set, only this machine can connect.",
        importance=HIGH,
        update=PER_BROKER,
    )
    advertised_listeners = Key[str | None](
        STRING,
        None,
        "Addresses that clients connect to, by listener name; unset: those of listeners.",
        importance=HIGH,
        update=PER_BROKER,
    )
    listener_security_protocol_map = Key(
        STRING,
        "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT",
        "The protocol of each listener, as NAME:PROTOCOL pairs.",
        importance=LOW,
        update=PER_BROKER,
    )
    inter_broker_listener_name = Key[str | None](
        STRING,
        None,
        "The listener for connections between brokers; by default that of security.inter.broker.protocol.",
    )
    security_inter_broker_protocol = Key(
        STRING,
        "PLAINTEXT",
        "The protocol between brokers when inter.broker.listener.name is not set.",
        OneOf("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    )
    control_plane_listener_name = InertKey(
        STRING,
        None,
        "A separate listener for the controller's requests; by default they use the others.",
        importance=HIGH,
    )
    socket_request_max_bytes = Key(
        INT,
        104_857_600,
        "Maximum size of a request; a larger one closes its connection.",
        AtLeast(1),
        importance=HIGH,
    )
    socket_listen_backlog_size = Key(
        INT, 50, "Connections that may wait to be accepted on each listener; 4096 unless it is set.", AtLeast(1)
    )
    socket_send_buffer_bytes = Key(
        INT,
        102_400,
        "The size of the sockets' send buffers; by default, or if -1, the system decides.",
        importance=HIGH,
    )
    socket_receive_buffer_bytes = Key(
        INT,
        102_400,
        "The size of the sockets' receive buffers; by default, or if -1, the system decides.",
        importance=HIGH,
    )
    queued_max_requests = Key(
        INT,
        500,
        "Number of waiting requests at which the broker reads no others.",
        AtLeast(1),
        importance=HIGH,
    )
    queued_max_request_bytes = Key(
        LONG,
        -1,
        "Size of waiting requests at which the broker reads no others; -1 means 64 MiB, and 16 MiB for large ones "
        "that have arrived in part.",
    )
    connections_max_idle_ms = Key(LONG, 600_000, "Idle connections are closed after this time.")
    max_connections = Key(
        INT,
        MAX_INT,
        "Maximum number of connections to this broker; may also be set for a listener.",
        AtLeast(0),
        update=CLUSTER_WIDE,
    )
    max_connections_per_ip = Key(
        INT,
        MAX_INT,
        "Maximum number of connections from one address; more are closed immediately.",
        AtLeast(0),
        update=CLUSTER_WIDE,
    )
    max_connections_per_ip_overrides = Key(
        STRING, "", "Limits for single addresses or host names, as address:limit pairs.", update=CLUSTER_WIDE
    )
    max_connection_creation_rate = Key(
        INT, MAX_INT, "New connections per second; may also be set for a listener.", AtLeast(0), update=CLUSTER_WIDE
    )
    request_timeout_ms = Key(INT, 30_000, "How long a broker waits for another broker's response.", importance=HIGH)
    ssl_keystore_location = Key[str | None](
        STRING, None, "The file with the broker's private key and certificates.", update=PER_BROKER
    )
    ssl_keystore_type = Key(
        STRING, "JKS", "PEM, PKCS12 or JKS; the file's contents distinguish the latter two.", update=PER_BROKER
    )
    ssl_keystore_password = Key[Password | None](
        PASSWORD, None, "The password of the key store file.", update=PER_BROKER
    )
    ssl_keystore_key = Key[Password | None](
        PASSWORD, None, "The private key itself, in PEM, in place of a file.", update=PER_BROKER
    )
    ssl_keystore_certificate_chain = Key[Password | None](
        PASSWORD, None, "The broker's certificates themselves, in PEM, in place of a file.", update=PER_BROKER
    )
    ssl_key_password = Key[Password | None](PASSWORD, None, "The password of the private key.", update=PER_BROKER)
    ssl_truststore_location = Key[str | None](
        STRING,
        None,
        "The file with the certificates that clients' certificates are checked against.",
        update=PER_BROKER,
    )
    ssl_truststore_type = Key(
        STRING, "JKS", "PEM, PKCS12 or JKS; the file's contents distinguish the latter two.", update=PER_BROKER
    )
    ssl_truststore_password = Key[Password | None](
        PASSWORD, None, "The password of the trust store file.", update=PER_BROKER
    )
    ssl_truststore_certificates = Key[Password | None](
        PASSWORD, None, "The trusted certificates themselves, in PEM, in place of a file.", update=PER_BROKER
    )
    ssl_client_auth = Key(
        STRING,
        "none",
        "Whether clients must send a certificate (required), may (requested) or need not (none).",
        OneOf("required", "requested", "none"),
        update=PER_BROKER,
    )
    ssl_enabled_protocols = Key[Strings](LIST, ("TLSv1.2", "TLSv1.3"), "The enabled TLS versions.", update=PER_BROKER)
    ssl_cipher_suites = Key[Strings](
        LIST, (), "The enabled cipher suites; empty: the library's choice.", update=PER_BROKER
    )
    ssl_endpoint_identification_algorithm = Key(
        STRING,
        "https",
        "How the name in another broker's certificate is checked; empty: not at all.",
        importance=LOW,
        update=PER_BROKER,
    )
    ssl_principal_mapping_rules = Key(
        STRING, "DEFAULT", "Rules that turn a certificate's distinguished name into a user name.", importance=LOW
    )
    sasl_enabled_mechanisms = Key(
        LIST,
        ("GSSAPI",),
        "Mechanisms that clients may choose from: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, GSSAPI.",
        update=PER_BROKER,
    )
    sasl_mechanism_inter_broker_protocol = Key(
        STRING, "GSSAPI", "The SASL mechanism between brokers.", update=PER_BROKER
    )
    sasl_jaas_config = Key[Password | None](
        PASSWORD,
        None,
        "The login module and its options, in JAAS form; set for one listener and mechanism.",
        update=PER_BROKER,
    )
    sasl_server_max_receive_size = Key(
        INT, 524_288, "The largest SASL message before a client is authenticated, in bytes."
    )
    connection_failed_authentication_delay_ms = Key(
        INT,
        100,
        "How long to wait before closing a connection whose authentication failed.",
        AtLeast(0),
        importance=LOW,
    )
    connections_max_reauth_ms = Key(
        LONG, 0, "Time after which clients must log in again; 0 means never. May be set for a listener and mechanism."
    )
    delegation_token_secret_key = Key(
        PASSWORD,
        None,
        "The secret that signs delegation tokens, the same on all brokers; by default there are no tokens.",
    )
    delegation_token_master_key = Key(
        PASSWORD,
        None,
        "The older name of delegation.token.secret.key.",
    )
    delegation_token_max_lifetime_ms = Key(
        LONG, 604_800_000, "The age after which a delegation token cannot be renewed.", AtLeast(1)
    )
    delegation_token_expiry_time_ms = Key(
        LONG, 86_400_000, "How long a delegation token is valid before it must be renewed.", AtLeast(1)
    )
    delegation_token_expiry_check_interval_ms = Key(
        LONG, 3_600_000, "How often expired delegation tokens are removed.", AtLeast(1), importance=LOW
    )
    authorizer_class_name = Key(
        STRING,
        "",
        "The authorizer: AclAuthorizer, or StandardAuthorizer in KRaft mode; by default everyone may do everything. "
        "super.users and allow.everyone.if.no.acl.found belong to it.",
        importance=LOW,
    )
    password_encoder_secret = InertKey(PASSWORD, None, "The secret that encrypts passwords that are set dynamically.")
    password_encoder_old_secret = InertKey(
        PASSWORD, None, "The secret before the current one, to read what it encrypted."
    )
