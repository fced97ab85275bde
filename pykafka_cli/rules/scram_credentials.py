"""SCRAM credentials as stored in a user's config in ZooKeeper, under the mechanism's name:

    SCRAM-SHA-256   salt=BASE64,stored_key=BASE64,server_key=BASE64,iterations=4096

They hold only what RFC 5802 lets a server store: stored_key and server_key are not enough to log in.

Source: org.apache.kafka.common.security.scram.internals.ScramCredentialUtils
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import NamedTuple

from pykafka_cli.model import Timestamp

SALT_BYTES = 32
"""Of every salt that is chosen here, so that none of them tells whose it is."""
DEFAULT_ITERATIONS = 4096
"""As few as SCRAM allows, and as many as Kafka's tools choose if they are not told."""
DIGESTS: Mapping[str, str] = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
"""The hash function of each mechanism."""


class TokenLogin(NamedTuple):
    """The data to verify a login with a delegation token."""

    owner: str
    credential: str
    """Like a user's credential."""
    expiry_ms: Timestamp
    """When the token expires, in ms since the epoch."""


def salted_password(mechanism: str, password: str, salt: bytes, iterations: int) -> bytes:
    """RFC 5802's SaltedPassword, which is sent in place of the password."""
    return hashlib.pbkdf2_hmac(DIGESTS[mechanism], password.encode(), salt, iterations)


def stored_credential(mechanism: str, salted: bytes, salt: bytes, iterations: int) -> str:
    """The text that is stored."""
    digest = DIGESTS[mechanism]
    stored_key = hashlib.new(digest, hmac.digest(salted, b"Client Key", digest)).digest()
    server_key = hmac.digest(salted, b"Server Key", digest)
    salt_text, stored_text, server_text = (base64.b64encode(part).decode() for part in (salt, stored_key, server_key))
    return f"salt={salt_text},stored_key={stored_text},server_key={server_text},iterations={iterations}"
