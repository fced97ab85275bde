"""Security keys of which most change nothing here: Java's providers, Kerberos, OAUTHBEARER."""

from pykafka_cli.properties.checks import (
    OAUTH_LOGIN_HANDLERS,
    OPENSSL_KEY_MANAGERS,
    OPENSSL_PROTOCOLS,
    OPENSSL_RANDOM,
    OPENSSL_TRUST_MANAGERS,
)
from pykafka_cli.properties.keys import (
    BOOLEAN,
    CLASS,
    DOUBLE,
    HIGH,
    INT,
    LIST,
    LONG,
    LOW,
    PER_BROKER,
    SHORT,
    STRING,
    AtLeast,
    InertKey,
    Key,
    PartialProtection,
    Settings,
    UnsupportedProtection,
)

_OPENSSL = "OpenSSL would be used instead"
_OAUTH = "org.apache.kafka.common.security.oauthbearer."


class JavaSecurityKeys(Settings):
    """Keys of Java's security providers, Kerberos, OAUTHBEARER."""

    password_encoder_cipher_algorithm = InertKey(
        STRING, "AES/CBC/PKCS5Padding", "The cipher for passwords that are set dynamically.", importance=LOW
    )
    password_encoder_iterations = InertKey(
        INT, 4096, "Rounds of the key derivation for these passwords.", AtLeast(1024), importance=LOW
    )
    password_encoder_key_length = InertKey(INT, 128, "Bits of the key for these passwords.", AtLeast(8), importance=LOW)
    password_encoder_keyfactory_algorithm = InertKey(
        STRING, None, "How the key for these passwords is derived.", importance=LOW
    )
    sasl_client_callback_handler_class = UnsupportedProtection(
        CLASS, None, "A Java class for SASL callbacks of the client.",
        loss="this broker runs no Java classes and would log in to others by sasl.jaas.config alone",
    )  # fmt: skip
    sasl_kerberos_kinit_cmd = InertKey(STRING, "/usr/bin/kinit", "The path of kinit.", update=PER_BROKER)
    sasl_kerberos_min_time_before_relogin = InertKey(
        LONG, 60_000, "Minimum time between two Kerberos logins.", update=PER_BROKER
    )
    sasl_kerberos_principal_to_local_rules = Key(
        LIST, ("DEFAULT",), "Rules that turn a Kerberos principal into a user name.", update=PER_BROKER
    )
    sasl_kerberos_service_name = Key[str | None](STRING, None, "Name of the brokers in Kerberos.", update=PER_BROKER)
    sasl_kerberos_ticket_renew_jitter = InertKey(
        DOUBLE, 0.05, "Random variation of the time of a Kerberos renewal.", update=PER_BROKER
    )
    sasl_kerberos_ticket_renew_window_factor = InertKey(
        DOUBLE, 0.8, "The share of a Kerberos ticket's life after which it is renewed.", update=PER_BROKER
    )
    sasl_login_callback_handler_class = UnsupportedProtection(
        CLASS, None, "A Java class for callbacks of the SASL login.",
        loss="this broker runs no Java classes and would log in to others by sasl.jaas.config alone",
        harmless=OAUTH_LOGIN_HANDLERS,
    )  # fmt: skip
    sasl_login_class = UnsupportedProtection(
        CLASS, None, "The Java class of a SASL login.",
        loss="this broker runs no Java classes and would log in to others by itself",
    )  # fmt: skip
    sasl_login_connect_timeout_ms = Key[int | None](
        INT, None, "How long a login waits for a connection to its identity provider.", importance=LOW
    )
    sasl_login_read_timeout_ms = Key[int | None](
        INT, None, "How long a login waits for its identity provider's response.", importance=LOW
    )
    sasl_login_refresh_buffer_seconds = Key(
        SHORT, 300, "Minimum time before its expiry that a credential is refreshed.", update=PER_BROKER
    )
    sasl_login_refresh_min_period_seconds = Key(
        SHORT, 60, "Minimum time between two refreshes of a credential.", update=PER_BROKER
    )
    sasl_login_refresh_window_factor = Key(
        DOUBLE, 0.8, "The share of a credential's life after which it is refreshed.", update=PER_BROKER
    )
    sasl_login_refresh_window_jitter = Key(DOUBLE, 0.05, "Random variation of that share.", update=PER_BROKER)
    sasl_login_retry_backoff_max_ms = Key(LONG, 10_000, "Longest wait between attempts to log in.", importance=LOW)
    sasl_login_retry_backoff_ms = Key(LONG, 100, "Wait before the second attempt to log in.", importance=LOW)
    sasl_mechanism_controller_protocol = InertKey(
        STRING, "GSSAPI", "The SASL mechanism for KRaft controllers.", importance=HIGH
    )
    sasl_oauthbearer_clock_skew_seconds = Key(
        INT, 30, "Maximum difference between the clocks of the identity provider and the broker.", importance=LOW
    )
    sasl_oauthbearer_expected_audience = Key(LIST, None, "Accepted audiences of a token.", importance=LOW)
    sasl_oauthbearer_expected_issuer = Key(STRING, None, "Required issuer of tokens.", importance=LOW)
    sasl_oauthbearer_jwks_endpoint_refresh_ms = Key(
        LONG, 3_600_000, "How often the issuer's keys are read again.", importance=LOW
    )
    sasl_oauthbearer_jwks_endpoint_retry_backoff_max_ms = Key(
        LONG, 10_000, "Longest wait before the issuer's keys are read again after a failure.", importance=LOW
    )
    sasl_oauthbearer_jwks_endpoint_retry_backoff_ms = Key(
        LONG, 100, "Wait before the issuer's keys are read again after a failure.", importance=LOW
    )
    sasl_oauthbearer_jwks_endpoint_url = Key(STRING, None, "URL of the issuer's keys.")
    sasl_oauthbearer_scope_claim_name = InertKey(
        STRING, "scope", "The claim of a token that holds its scope.", importance=LOW
    )
    sasl_oauthbearer_sub_claim_name = Key(
        STRING, "sub", "The claim of a token that holds the user's name.", importance=LOW
    )
    sasl_oauthbearer_token_endpoint_url = Key[str | None](STRING, None, "URL of the token endpoint.")
    sasl_server_callback_handler_class = PartialProtection(
        CLASS,
        None,
        "What checks tokens of OAUTHBEARER: OAuthBearerValidatorCallbackHandler requires a signature.",
        loss="this broker runs no Java classes and would check logins by itself",
        harmless=(
            _OAUTH + "OAuthBearerValidatorCallbackHandler",
            _OAUTH + "secured.OAuthBearerValidatorCallbackHandler",
            _OAUTH + "internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler",
        ),
    )
    security_providers = UnsupportedProtection(
        STRING, None, "Java classes that provide security algorithms.", importance=LOW,
        loss="this broker runs no Java classes and would use OpenSSL",
    )  # fmt: skip
    ssl_allow_dn_changes = Key(
        BOOLEAN, False, "Whether a new certificate of the broker may have another distinguished name.", importance=LOW
    )
    ssl_allow_san_changes = Key(
        BOOLEAN, False, "Whether a new certificate of the broker may lack a name that the old one had.", importance=LOW
    )
    ssl_engine_factory_class = UnsupportedProtection(
        CLASS,
        None,
        "A Java class that creates TLS engines.",
        importance=LOW,
        update=PER_BROKER,
        loss="this broker runs no Java classes and would configure TLS by the other ssl.* keys alone",
        harmless=("org.apache.kafka.common.security.ssl.DefaultSslEngineFactory",),
    )
    ssl_keymanager_algorithm = UnsupportedProtection(
        STRING, "SunX509", "The Java algorithm of the key manager.", update=PER_BROKER,
        loss=_OPENSSL, harmless=OPENSSL_KEY_MANAGERS,
    )  # fmt: skip
    ssl_protocol = UnsupportedProtection(
        STRING, "TLSv1.3", "The TLS version of Java's SSLContext; ssl.enabled.protocols is used instead.",
        loss="the versions would be those of ssl.enabled.protocols", harmless=OPENSSL_PROTOCOLS, update=PER_BROKER,
    )  # fmt: skip
    ssl_provider = UnsupportedProtection(
        STRING, None, "The Java security provider for TLS.", loss=_OPENSSL, update=PER_BROKER
    )
    ssl_secure_random_implementation = UnsupportedProtection(
        STRING, None, "The Java random generator for TLS.", importance=LOW, update=PER_BROKER,
        loss=_OPENSSL, harmless=OPENSSL_RANDOM,
    )  # fmt: skip
    ssl_trustmanager_algorithm = UnsupportedProtection(
        STRING, "PKIX", "The Java algorithm of the trust manager.", update=PER_BROKER,
        loss=_OPENSSL, harmless=OPENSSL_TRUST_MANAGERS,
    )  # fmt: skip
