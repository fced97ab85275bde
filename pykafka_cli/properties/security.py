"""The keys of a client's TLS and SASL, with the defaults of 3.9; pykafka_cli/security does what they say.

source  org.apache.kafka.common.config.SslConfigs and SaslConfigs
"""

from collections.abc import Mapping

from pykafka_cli.properties.checks import (
    OAUTH_LOGIN_HANDLERS,
    OPENSSL_KEY_MANAGERS,
    OPENSSL_PROTOCOLS,
    OPENSSL_RANDOM,
    OPENSSL_TRUST_MANAGERS,
    AvailableClass,
    Emulated,
    OneOfAnyCase,
)
from pykafka_cli.properties.grammar import Property
from pykafka_cli.properties.keys import (
    BOOLEAN,
    CLASS,
    DOUBLE,
    HIGH,
    INT,
    LIST,
    LONG,
    LOW,
    PASSWORD,
    SHORT,
    STRING,
    BadProperty,
    Between,
    InertKey,
    Key,
    Password,
    Settings,
)


class SecuritySettings(Settings):
    """How a client connects and logs in. Its other properties are ignored.

    raises  BadProperty, with the text of Kafka's ConfigException
    """

    security_protocol = Key(
        STRING, "PLAINTEXT", "Whether to use TLS (SSL, SASL_SSL) and a login (SASL_PLAINTEXT, SASL_SSL).",
        OneOfAnyCase("SASL_SSL", "PLAINTEXT", "SSL", "SASL_PLAINTEXT"),
    )  # fmt: skip
    security_providers = InertKey(STRING, None, "Java classes are not supported.", Emulated(), importance=LOW)

    ssl_cipher_suites = Key[tuple[str, ...] | None](
        LIST,
        None,
        "Cipher suites, by their standard names; those of TLS 1.3 can only be used all or none.",
        importance=LOW,
    )
    ssl_enabled_protocols = Key(LIST, ("TLSv1.2", "TLSv1.3"), "Versions of TLS.")
    ssl_endpoint_identification_algorithm = Key[str | None](
        STRING,
        "https",
        "https: the broker's certificate must match its host name; empty: any host name is accepted.",
        importance=LOW,
    )
    ssl_key_password = Key[Password | None](PASSWORD, None, "Password of the client's private key.", importance=HIGH)
    ssl_keystore_certificate_chain = Key[Password | None](
        PASSWORD, None, "The client's certificate as PEM text, then the chain that signs it.", importance=HIGH
    )
    ssl_keystore_key = Key[Password | None](
        PASSWORD, None, "The client's private key as PEM text, PKCS 8.", importance=HIGH
    )
    ssl_keystore_location = Key[str | None](
        STRING, None, "File with the client's key and certificate.", importance=HIGH
    )
    ssl_keystore_password = Key[Password | None](PASSWORD, None, "Password of that file.", importance=HIGH)
    ssl_keystore_type = Key(STRING, "JKS", "PEM, PKCS12 or JKS; the file's contents distinguish the latter two.")
    ssl_truststore_certificates = Key[Password | None](
        PASSWORD, None, "Trusted certificates as PEM text.", importance=HIGH
    )
    ssl_truststore_location = Key[str | None](
        STRING, None, "File with trusted certificates; by default those of the system.",
        importance=HIGH,
    )  # fmt: skip
    ssl_truststore_password = Key[Password | None](PASSWORD, None, "Password of that file.", importance=HIGH)
    ssl_truststore_type = Key(STRING, "JKS", "PEM, PKCS12 or JKS; the file's contents distinguish the latter two.")

    ssl_engine_factory_class = Key[str | None](
        CLASS, None, "Custom classes are not supported.", AvailableClass(), importance=LOW
    )
    ssl_keymanager_algorithm = InertKey(
        STRING, "SunX509", "OpenSSL is used instead.", Emulated(*OPENSSL_KEY_MANAGERS), importance=LOW
    )
    ssl_protocol = InertKey(STRING, "TLSv1.3", "ssl.enabled.protocols is used instead.", Emulated(*OPENSSL_PROTOCOLS))
    ssl_provider = InertKey(STRING, None, "OpenSSL is used instead.", Emulated())
    ssl_secure_random_implementation = InertKey(
        STRING, None, "OpenSSL is used instead.", Emulated(*OPENSSL_RANDOM), importance=LOW
    )
    ssl_trustmanager_algorithm = InertKey(
        STRING, "PKIX", "OpenSSL is used instead.", Emulated(*OPENSSL_TRUST_MANAGERS), importance=LOW
    )

    sasl_mechanism = Key(STRING, "GSSAPI", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or GSSAPI.")
    sasl_jaas_config = Key[Password | None](PASSWORD, None, "The login, in the syntax of Java's JAAS.")
    sasl_kerberos_service_name = Key[str | None](STRING, None, "Name of the brokers in Kerberos.")
    sasl_login_connect_timeout_ms = Key[int | None](
        INT, None, "How long to wait for a connection to the token endpoint.", importance=LOW
    )
    sasl_login_read_timeout_ms = Key[int | None](
        INT, None, "How long to wait for the token endpoint's response.", importance=LOW
    )
    sasl_oauthbearer_header_urlencode = Key(
        BOOLEAN, False, "Encode client id and secret before they are sent, as RFC 6749 requires.", importance=LOW
    )
    sasl_oauthbearer_scope_claim_name = InertKey(
        STRING, "scope", "For brokers only, as clients do not inspect tokens.", importance=LOW
    )
    sasl_oauthbearer_sub_claim_name = InertKey(
        STRING, "sub", "For brokers only, as clients do not inspect tokens.", importance=LOW
    )
    sasl_oauthbearer_token_endpoint_url = Key[str | None](
        STRING, None, "URL of the token endpoint, or file: URL of a token."
    )

    sasl_client_callback_handler_class = Key[str | None](
        CLASS, None, "Custom classes are not supported.", AvailableClass()
    )
    sasl_login_callback_handler_class = Key[str | None](
        CLASS, None, "Kafka's own handlers for OAUTHBEARER, or none.",
        AvailableClass(*OAUTH_LOGIN_HANDLERS),
    )  # fmt: skip
    sasl_login_class = Key[str | None](CLASS, None, "Custom classes are not supported.", AvailableClass())

    sasl_kerberos_kinit_cmd = InertKey(
        STRING, "/usr/bin/kinit", "The Kerberos library is used instead.", importance=LOW
    )
    sasl_kerberos_min_time_before_relogin = InertKey(
        LONG, 60_000, "The Kerberos library renews tickets.", importance=LOW
    )
    sasl_kerberos_ticket_renew_jitter = InertKey(DOUBLE, 0.05, "The Kerberos library renews tickets.", importance=LOW)
    sasl_kerberos_ticket_renew_window_factor = InertKey(
        DOUBLE, 0.8, "The Kerberos library renews tickets.", importance=LOW
    )
    sasl_login_refresh_buffer_seconds = Key(
        SHORT, 300, "How long before its end a token is replaced at the latest.", Between(0, 3600), importance=LOW
    )
    sasl_login_refresh_min_period_seconds = Key(
        SHORT, 60, "How long a token is used at least.", Between(0, 900), importance=LOW
    )
    sasl_login_refresh_window_factor = Key(
        DOUBLE, 0.8, "The share of its life after which a token is replaced.", Between(0.5, 1.0), importance=LOW
    )
    sasl_login_refresh_window_jitter = Key(
        DOUBLE, 0.05, "Random variation of that share.", Between(0.0, 0.25), importance=LOW
    )
    sasl_login_retry_backoff_max_ms = Key(
        LONG, 10_000, "How long a token is requested again if the endpoint has a passing problem.", importance=LOW
    )
    sasl_login_retry_backoff_ms = Key(
        LONG, 100, "How soon the first time; each later wait is twice as long.", importance=LOW
    )
    sasl_oauthbearer_clock_skew_seconds = InertKey(INT, 30, "For brokers only.", importance=LOW)
    sasl_oauthbearer_expected_audience = InertKey(LIST, None, "For brokers only.", importance=LOW)
    sasl_oauthbearer_expected_issuer = InertKey(STRING, None, "For brokers only.", importance=LOW)
    sasl_oauthbearer_jwks_endpoint_refresh_ms = InertKey(LONG, 3_600_000, "For brokers only.", importance=LOW)
    sasl_oauthbearer_jwks_endpoint_retry_backoff_max_ms = InertKey(LONG, 10_000, "For brokers only.", importance=LOW)
    sasl_oauthbearer_jwks_endpoint_retry_backoff_ms = InertKey(LONG, 100, "For brokers only.", importance=LOW)
    sasl_oauthbearer_jwks_endpoint_url = InertKey(STRING, None, "For brokers only.")

    given: frozenset[str]
    """Names of the given properties."""

    def __init__(self, properties: Mapping[str, str]) -> None:
        self.given = frozenset(properties)
        super().__init__(Property(name, value, 0) for name, value in properties.items() if name in self.KEYS)
        if self.has_login and not self.sasl_mechanism:
            why = "When the security.protocol configuration enables SASL, mechanism must be non-null and non-empty"
            raise BadProperty("sasl.mechanism", None, 0, f"{why} string.")

    @property
    def has_tls(self) -> bool:
        return self.security_protocol.upper().endswith("SSL")

    @property
    def has_login(self) -> bool:
        return self.security_protocol.upper().startswith("SASL")
