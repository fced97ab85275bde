"""The keys of a broker's connection to ZooKeeper: TLS, which the tools use as well, and the ACLs of znodes.

source  org.apache.kafka.server.config.ZkConfigs
"""

from pykafka_cli.properties.checks import OneOfAnyCase
from pykafka_cli.properties.keys import (
    BOOLEAN,
    HIGH,
    LIST,
    LOW,
    PASSWORD,
    STRING,
    InertKey,
    Key,
    OneOf,
    Password,
    Settings,
    Strings,
    UnsupportedProtection,
)


class ZooKeeperClientKeys(Settings):
    """How a client reaches ZooKeeper securely."""

    zookeeper_set_acl = Key(
        BOOLEAN, False, "Whether only brokers may change the znodes that they create.", importance=HIGH
    )
    zookeeper_client_cnxn_socket = InertKey(
        STRING, None, "The Java class of the connection to ZooKeeper.", name="zookeeper.clientCnxnSocket"
    )
    zookeeper_ssl_client_enable = Key(BOOLEAN, False, "Whether the connection to ZooKeeper uses TLS.")
    zookeeper_ssl_protocol = Key(
        STRING,
        "TLSv1.2",
        "The TLS version, if zookeeper.ssl.enabled.protocols is not set; TLS means all of them.",
        OneOf("TLS", "TLSv1.2", "TLSv1.3"),
        importance=LOW,
    )
    zookeeper_ssl_enabled_protocols = Key[Strings | None](LIST, None, "The TLS versions for ZooKeeper.", importance=LOW)
    zookeeper_ssl_cipher_suites = Key[Strings | None](
        LIST, None, "The cipher suites for ZooKeeper, by their standard names.", importance=LOW
    )
    zookeeper_ssl_endpoint_identification_algorithm = Key(
        STRING,
        "HTTPS",
        "HTTPS: ZooKeeper's certificate must match its host name; empty: any host name is accepted.",
        OneOfAnyCase("HTTPS", ""),
        importance=LOW,
    )
    zookeeper_ssl_keystore_location = Key[str | None](
        STRING, None, "The file with the broker's key and certificate for ZooKeeper."
    )
    zookeeper_ssl_keystore_password = Key[Password | None](PASSWORD, None, "The password of that file and of its key.")
    zookeeper_ssl_keystore_type = Key[str | None](STRING, None, "PEM, PKCS12 or JKS; by default the file decides.")
    zookeeper_ssl_truststore_location = Key[str | None](
        STRING, None, "The file with the certificates of trusted authorities, for ZooKeeper."
    )
    zookeeper_ssl_truststore_password = Key[Password | None](PASSWORD, None, "The password of that file.")
    zookeeper_ssl_truststore_type = Key[str | None](STRING, None, "PEM, PKCS12 or JKS; by default the file decides.")
    zookeeper_ssl_crl_enable = UnsupportedProtection(
        BOOLEAN,
        False,
        "Whether revocation lists are consulted for ZooKeeper's certificate.",
        loss="revocation lists are not consulted, so a revoked certificate of ZooKeeper would be accepted",
        importance=LOW,
    )
    zookeeper_ssl_ocsp_enable = UnsupportedProtection(
        BOOLEAN,
        False,
        "Whether to check ZooKeeper's certificate with OCSP.",
        loss="OCSP is not used, so a revoked certificate of ZooKeeper would be accepted",
        importance=LOW,
    )
