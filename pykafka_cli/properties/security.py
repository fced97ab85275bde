"""The keys of a client's TLS and SASL, with the defaults of 3.9; clients/security does what they say.

source  org.apache.kafka.common.config.SslConfigs and SaslConfigs
"""

from collections.abc import Mapping

from pykafka_cli.properties.checks import AvailableClass, OneOfAnyCase
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

_OAUTH = "org.apache.kafka.common.security.oauthbearer."


class SecuritySettings(Settings):
    """How a client reaches its brokers, and who it is. Of a client's properties all others are left alone.

    raises  BadProperty, with the text of Kafka's ConfigException
    """

    security_protocol = Key(
        STRING, "PLAINTEXT", "Whether there is TLS (SSL, SASL_SSL) and a login (SASL_PLAINTEXT, SASL_SSL).",
        OneOfAnyCase("SASL_SSL", "PLAINTEXT", "SSL", "SASL_PLAINTEXT"),
    )  # fmt: skip
    security_providers = InertKey(STRING, None, "There are no Java classes.", importance=LOW)

    ssl_cipher_suites = Key[tuple[str, ...] | None](
        LIST, None, "Cipher suites, by their standard names; those of TLS 1.3 are used all or none.", importance=LOW
    )
    ssl_enabled_protocols = Key(LIST, ("TLSv1.2", "TLSv1.3"), "Versions of TLS.")
    ssl_endpoint_identification_algorithm = Key[str | None](
        STRING, "https", "https: the broker's certificate must name its host; empty: any host will do.", importance=LOW
    )
    ssl_key_password = Key[Password | None](PASSWORD, None, "Password of the client's private key.", importance=HIGH)
    ssl_keystore_certificate_chain = Key[Password | None](
        PASSWORD, None, "The client's certificate as PEM text, then those that vouch for it.", importance=HIGH
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
        PASSWORD, None, "Certificates that may vouch for brokers, as PEM text.", importance=HIGH
    )
    ssl_truststore_location = Key[str | None](
        STRING, None, "File with certificates that may vouch for brokers; unset: those that the system trusts.",
        importance=HIGH,
    )  # fmt: skip
    ssl_truststore_password = Key[Password | None](PASSWORD, None, "Password of that file.", importance=HIGH)
    ssl_truststore_type = Key(STRING, "JKS", "PEM, PKCS12 or JKS; the file's contents distinguish the latter two.")

    ssl_engine_factory_class = Key[str | None](
        CLASS, None, "Classes of your own cannot be loaded.", AvailableClass(), importance=LOW
    )
    ssl_keymanager_algorithm = InertKey(STRING, "SunX509", "OpenSSL is what makes TLS here.", importance=LOW)
    ssl_protocol = InertKey(STRING, "TLSv1.3", "ssl.enabled.protocols is what counts here.")
    ssl_provider = InertKey(STRING, None, "OpenSSL is what makes TLS here.")
    ssl_secure_random_implementation = InertKey(STRING, None, "OpenSSL is what makes TLS here.", importance=LOW)
    ssl_trustmanager_algorithm = InertKey(STRING, "PKIX", "OpenSSL is what makes TLS here.", importance=LOW)

    sasl_mechanism = Key(STRING, "GSSAPI", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or GSSAPI.")
    sasl_jaas_config = Key[Password | None](PASSWORD, None, "The login, in the words of Java's JAAS.")
    sasl_kerberos_service_name = Key[str | None](STRING, None, "Under which name Kerberos knows the brokers.")
    sasl_login_connect_timeout_ms = Key[int | None](
        INT, None, "How long a connection to who gives tokens may take to be made.", importance=LOW
    )
    sasl_login_read_timeout_ms = Key[int | None](INT, None, "How long who gives tokens may be silent.", importance=LOW)
    sasl_oauthbearer_header_urlencode = Key(
        BOOLEAN, False, "Encode client id and secret before they are sent, as RFC 6749 wants it.", importance=LOW
    )
    sasl_oauthbearer_scope_claim_name = InertKey(
        STRING, "scope", "A token is the broker's to look into.", importance=LOW
    )
    sasl_oauthbearer_sub_claim_name = InertKey(STRING, "sub", "A token is the broker's to look into.", importance=LOW)
    sasl_oauthbearer_token_endpoint_url = Key[str | None](STRING, None, "Who gives tokens, or a file: URL of one.")

    sasl_client_callback_handler_class = Key[str | None](
        CLASS, None, "Classes of your own cannot be loaded.", AvailableClass()
    )
    sasl_login_callback_handler_class = Key[str | None](
        CLASS, None, "Kafka's own handlers for OAUTHBEARER, or none.",
        AvailableClass(
            _OAUTH + "OAuthBearerLoginCallbackHandler",
            _OAUTH + "secured.OAuthBearerLoginCallbackHandler",
            _OAUTH + "internals.unsecured.OAuthBearerUnsecuredLoginCallbackHandler",
        ),
    )  # fmt: skip
    sasl_login_class = Key[str | None](CLASS, None, "Classes of your own cannot be loaded.", AvailableClass())

    sasl_kerberos_kinit_cmd = InertKey(STRING, "/usr/bin/kinit", "Kerberos' library is what is used.", importance=LOW)
    sasl_kerberos_min_time_before_relogin = InertKey(LONG, 60_000, "Kerberos' library renews tickets.", importance=LOW)
    sasl_kerberos_ticket_renew_jitter = InertKey(DOUBLE, 0.05, "Kerberos' library renews tickets.", importance=LOW)
    sasl_kerberos_ticket_renew_window_factor = InertKey(
        DOUBLE, 0.8, "Kerberos' library renews tickets.", importance=LOW
    )
    sasl_login_refresh_buffer_seconds = InertKey(
        SHORT, 300, "Each connection has its own token.", Between(0, 3600), importance=LOW
    )
    sasl_login_refresh_min_period_seconds = InertKey(
        SHORT, 60, "Each connection has its own token.", Between(0, 900), importance=LOW
    )
    sasl_login_refresh_window_factor = InertKey(
        DOUBLE, 0.8, "Each connection has its own token.", Between(0.5, 1.0), importance=LOW
    )
    sasl_login_refresh_window_jitter = InertKey(
        DOUBLE, 0.05, "Each connection has its own token.", Between(0.0, 0.25), importance=LOW
    )
    sasl_login_retry_backoff_max_ms = InertKey(LONG, 10_000, "Who gives tokens is asked once.", importance=LOW)
    sasl_login_retry_backoff_ms = InertKey(LONG, 100, "Who gives tokens is asked once.", importance=LOW)
    sasl_oauthbearer_clock_skew_seconds = InertKey(INT, 30, "It is for brokers.", importance=LOW)
    sasl_oauthbearer_expected_audience = InertKey(LIST, None, "It is for brokers.", importance=LOW)
    sasl_oauthbearer_expected_issuer = InertKey(STRING, None, "It is for brokers.", importance=LOW)
    sasl_oauthbearer_jwks_endpoint_refresh_ms = InertKey(LONG, 3_600_000, "It is for brokers.", importance=LOW)
    sasl_oauthbearer_jwks_endpoint_retry_backoff_max_ms = InertKey(LONG, 10_000, "It is for brokers.", importance=LOW)
    sasl_oauthbearer_jwks_endpoint_retry_backoff_ms = InertKey(LONG, 100, "It is for brokers.", importance=LOW)
    sasl_oauthbearer_jwks_endpoint_url = InertKey(STRING, None, "It is for brokers.")

    given: frozenset[str]
    """Names of the properties that were there."""

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
