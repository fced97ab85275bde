"""The keys of a ZooKeeper server that are about security: TLS for clients, who they are, and which must prove it.

Source: org.apache.zookeeper.common.X509Util, .server.AuthenticationHelper, .server.auth
"""

from pykafka_cli.properties.checks import OneOfAnyCase
from pykafka_cli.properties.keys import (
    BOOLEAN,
    INT,
    LIST,
    LOW,
    PASSWORD,
    STRING,
    Between,
    InertKey,
    Key,
    OneOf,
    Password,
    Settings,
    Strings,
    UnsupportedProtection,
)

DIGEST_ALGORITHMS = {
    "SHA1": "sha1",
    "SHA-1": "sha1",
    "SHA-224": "sha224",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
    "SHA3-224": "sha3_224",
    "SHA3-256": "sha3_256",
    "SHA3-384": "sha3_384",
    "SHA3-512": "sha3_512",
    "MD5": "md5",
}
"""hashlib's names by Java's."""

STORE_TYPES = OneOfAnyCase("JKS", "PEM", "PKCS12")


class ZooKeeperSecurityKeys(Settings):
    """How clients connect by TLS, and how they authenticate."""

    secure_client_port = Key[int | None](
        INT, None, "The port for clients that use TLS; 0 means any free port.", Between(0, 65535),
        name="secureClientPort",
    )  # fmt: skip
    secure_client_port_address = Key[str | None](
        STRING,
        None,
        "The address to listen on for TLS; by default all of this machine.",
        name="secureClientPortAddress",
    )
    tls_protocol = Key(
        STRING, "TLSv1.2", "The TLS version, if ssl.enabledProtocols is not set; TLS means all of them.",
        OneOf("TLS", "TLSv1.2", "TLSv1.3"), name="ssl.protocol",
    )  # fmt: skip
    ssl_enabled_protocols = Key[Strings](LIST, (), "TLS versions.", name="ssl.enabledProtocols")
    ssl_cipher_suites = Key[Strings](LIST, (), "Cipher suites, by their standard names.", name="ssl.ciphersuites")
    ssl_client_auth = Key(
        STRING, "need", "Whether clients must show a certificate: need, want or none.",
        OneOfAnyCase("NEED", "WANT", "NONE"), name="ssl.clientAuth",
    )  # fmt: skip
    ssl_keystore_location = Key[str | None](
        STRING, None, "The file with the server's key and certificate.", name="ssl.keyStore.location"
    )
    ssl_keystore_password = Key[Password | None](
        PASSWORD, None, "The password of that file and of its key.", name="ssl.keyStore.password"
    )
    ssl_keystore_password_path = Key[str | None](
        STRING, None, "A file with that password; takes precedence over it.", name="ssl.keyStore.passwordPath"
    )
    ssl_keystore_type = Key[str | None](
        STRING, None, "PEM, PKCS12 or JKS; by default the file decides.", STORE_TYPES, name="ssl.keyStore.type"
    )
    ssl_truststore_location = Key[str | None](
        STRING, None, "The file with the certificates of trusted authorities, for clients.",
        name="ssl.trustStore.location",
    )  # fmt: skip
    ssl_truststore_password = Key[Password | None](
        PASSWORD, None, "The password of that file.", name="ssl.trustStore.password"
    )
    ssl_truststore_password_path = Key[str | None](
        STRING, None, "A file with that password; takes precedence over it.", name="ssl.trustStore.passwordPath"
    )
    ssl_truststore_type = Key[str | None](
        STRING, None, "PEM, PKCS12 or JKS; by default the file decides.", STORE_TYPES, name="ssl.trustStore.type"
    )
    ssl_auth_provider = Key(
        STRING, "x509", "The scheme of clients that show a certificate.", OneOf("x509"), name="ssl.authProvider"
    )
    ssl_crl = UnsupportedProtection(
        BOOLEAN, False, "Whether revocation lists are consulted.", name="ssl.crl",
        loss="this server consults no revocation lists, so revoked certificates would be accepted",
    )  # fmt: skip
    ssl_ocsp = UnsupportedProtection(
        BOOLEAN, False, "Whether clients' certificates are checked by OCSP.", name="ssl.ocsp",
        loss="this server does not use OCSP, so revoked certificates would be accepted",
    )  # fmt: skip
    ssl_context_supplier_class = UnsupportedProtection(
        STRING, None, "A Java class that sets TLS up.", name="ssl.context.supplier.class",
        loss="this server runs no Java classes and would speak TLS by the other ssl.* keys alone",
    )  # fmt: skip
    ssl_client_hostname_verification = UnsupportedProtection(
        BOOLEAN, False, "Whether the names in clients' certificates are checked.",
        name="ssl.clientHostnameVerification",
        loss="this server does not compare clients' certificates with their addresses",
    )  # fmt: skip
    client_cert_reload = UnsupportedProtection(
        BOOLEAN, False, "Whether new certificates are read while the server runs.", name="client.certReload",
        loss="this server reads its certificates when it starts, and would continue with those that expire",
    )  # fmt: skip
    fips_mode = UnsupportedProtection(
        BOOLEAN, False, "Whether only what FIPS approves of is used.", name="fips-mode",
        loss="whether OpenSSL is in its FIPS mode is a matter of this machine's configuration",
    )  # fmt: skip
    ensemble_auth_name = UnsupportedProtection(
        STRING, None, "The name by which clients of the scheme ensemble recognize their ensemble.",
        name="ensembleAuthName",
        loss="this server does not support the scheme ensemble, and would let clients in that look for another one",
    )  # fmt: skip
    ssl_hostname_verification = InertKey(
        BOOLEAN, True, "Whether names are checked; a server does not check its clients'.",
        name="ssl.hostnameVerification",
    )  # fmt: skip
    ssl_handshake_detection_timeout_millis = InertKey(
        INT,
        5000,
        "How long another server may take to begin TLS where it is optional.",
        name="ssl.handshakeDetectionTimeoutMillis",
    )
    client_port_unification = Key(
        BOOLEAN, False, "Whether clientPort accepts TLS as well, with the keys of secureClientPort.",
        name="client.portUnification",
    )  # fmt: skip
    server_cnxn_factory = InertKey(
        STRING, None, "The Java class that accepts connections.", name="serverCnxnFactory", importance=LOW
    )
    x509_super_user = Key[str | None](
        STRING, None, "Subject of the certificate whose owner is the superuser.",
        name="X509AuthenticationProvider.superUser",
    )  # fmt: skip
    super_user = Key[str | None](
        STRING, None, "User of SASL who is a superuser; superUser.1 and so on name more.", name="superUser"
    )
    sasl_super_password = Key[Password | None](
        PASSWORD, None, "Password of the SASL user super, in place of the one in the JAAS entry.",
        name="SASLAuthenticationProvider.superPassword",
    )  # fmt: skip
    sasl_server_config = Key(
        STRING, "Server", "The JAAS entry with the users who may log in.", name="sasl.serverconfig"
    )
    allow_sasl_failed_clients = InertKey(
        BOOLEAN, False, "Whether clients stay connected after a failed login; here they do not.",
        name="allowSaslFailedClients",
    )  # fmt: skip
    require_client_auth_scheme = Key[Strings](
        LIST, (), "Schemes, by one of which every client must authenticate.", name="requireClientAuthScheme"
    )
    session_require_client_sasl_auth = Key(
        BOOLEAN, False, "Whether every client must log in by SASL.", name="sessionRequireClientSASLAuth"
    )
    enforce_auth_enabled = Key(
        BOOLEAN, False, "Whether every client must authenticate by one of enforce.auth.schemes.",
        name="enforce.auth.enabled",
    )  # fmt: skip
    enforce_auth_schemes = Key[Strings](
        LIST, (), "Schemes, by one of which every client must authenticate.", name="enforce.auth.schemes"
    )
    digest_enabled = Key(
        BOOLEAN, True, "Whether clients may authenticate with the scheme digest.",
        name="DigestAuthenticationProvider.enabled",
    )  # fmt: skip
    digest_algorithm = Key(
        STRING, "SHA1", "What the scheme digest hashes passwords with.", OneOf(*DIGEST_ALGORITHMS),
        name="DigestAuthenticationProvider.digestAlg",
    )  # fmt: skip
    super_digest = Key[Password | None](
        PASSWORD, None, "name:base64(sha1(name:password)) of the superuser.",
        name="DigestAuthenticationProvider.superDigest",
    )  # fmt: skip
    audit_enable = UnsupportedProtection(
        BOOLEAN, False, "Whether changes are written to an audit log.", name="audit.enable",
        loss="this server writes no audit log",
    )  # fmt: skip
