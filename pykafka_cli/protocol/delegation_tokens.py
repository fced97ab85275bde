"""The responses about delegation tokens, in which the times of a token that was refused are -1.

kio's own declare these fields as moments in time and cannot read -1. These classes differ from kio's in these fields
only; kio's reader takes them like any other message. They are of the newest versions, which Kafka has had since 3.3.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from kio.schema.errors import ErrorCode
from kio.schema.response_header.v1.header import ResponseHeader
from kio.static.constants import EntityType
from kio.static.primitive import i16, i32Timedelta, i64


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateDelegationTokenResponse:
    """What kio's CreateDelegationTokenRequest of version 3 gets; times in ms since the epoch."""

    __type__: ClassVar = EntityType.response
    __version__: ClassVar[i16] = i16(3)
    __flexible__: ClassVar[bool] = True
    __api_key__: ClassVar[i16] = i16(38)
    __header_schema__: ClassVar[type[ResponseHeader]] = ResponseHeader
    error_code: ErrorCode = field(metadata={"kafka_type": "error_code"})
    principal_type: str = field(metadata={"kafka_type": "string"})
    principal_name: str = field(metadata={"kafka_type": "string"})
    token_requester_principal_type: str = field(metadata={"kafka_type": "string"})
    token_requester_principal_name: str = field(metadata={"kafka_type": "string"})
    issue_timestamp: i64 = field(metadata={"kafka_type": "int64"})
    expiry_timestamp: i64 = field(metadata={"kafka_type": "int64"})
    max_timestamp: i64 = field(metadata={"kafka_type": "int64"})
    token_id: str = field(metadata={"kafka_type": "string"})
    hmac: bytes = field(metadata={"kafka_type": "bytes"})
    throttle_time: i32Timedelta = field(metadata={"kafka_type": "timedelta_i32"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewDelegationTokenResponse:
    """What kio's RenewDelegationTokenRequest of version 2 gets; the time in ms since the epoch."""

    __type__: ClassVar = EntityType.response
    __version__: ClassVar[i16] = i16(2)
    __flexible__: ClassVar[bool] = True
    __api_key__: ClassVar[i16] = i16(39)
    __header_schema__: ClassVar[type[ResponseHeader]] = ResponseHeader
    error_code: ErrorCode = field(metadata={"kafka_type": "error_code"})
    expiry_timestamp: i64 = field(metadata={"kafka_type": "int64"})
    throttle_time: i32Timedelta = field(metadata={"kafka_type": "timedelta_i32"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireDelegationTokenResponse:
    """What kio's ExpireDelegationTokenRequest of version 2 gets; the time in ms since the epoch."""

    __type__: ClassVar = EntityType.response
    __version__: ClassVar[i16] = i16(2)
    __flexible__: ClassVar[bool] = True
    __api_key__: ClassVar[i16] = i16(40)
    __header_schema__: ClassVar[type[ResponseHeader]] = ResponseHeader
    error_code: ErrorCode = field(metadata={"kafka_type": "error_code"})
    expiry_timestamp: i64 = field(metadata={"kafka_type": "int64"})
    throttle_time: i32Timedelta = field(metadata={"kafka_type": "timedelta_i32"})
