"""ApiVersions (key 18), versions 0-4.

What this broker supports. Clients send it first, mostly before they authenticate.
v1 throttle time   v3 flexible encoding, client software name   v4 as 3, features may start at 0
A version nobody has is answered in version 0's form with UNSUPPORTED_VERSION and the range of this API alone (KIP-511);
dispatch does that with `unsupported`. The features of KRaft are left out: ZooKeeper mode has none.
"""

import re
from datetime import timedelta

from kio.schema.api_versions.v4.request import ApiVersionsRequest
from kio.schema.api_versions.v4.response import ApiVersion, ApiVersionsResponse
from kio.schema.errors import ErrorCode
from kio.static.primitive import i16, i32Timedelta, i64

from pykafka_cli.broker.context import Api, RequestContext
from pykafka_cli.broker.errors import InvalidRequest, UnsupportedVersion

_FEATURES_EPOCH = i64(0)  # the version of the znode /feature, which names no features
_NO_THROTTLE = i32Timedelta.parse(timedelta(0))
_SOFTWARE_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")


async def handle(ctx: RequestContext, request: ApiVersionsRequest) -> ApiVersionsResponse:
    if ctx.api_version >= 3:
        for name, text in (("name", request.client_software_name), ("version", request.client_software_version)):
            if not _SOFTWARE_NAME.fullmatch(text):
                raise InvalidRequest(f"client software {name} {text!r} is not letters, digits, '-' and '.'")
    return _response(ErrorCode.none, *(ctx.apis[key] for key in sorted(ctx.apis)))


def unsupported(api: Api) -> ApiVersionsResponse:
    """The response to a version of ApiVersions that is not offered; to be written in version 0's form."""
    return _response(UnsupportedVersion.code, api)


def _response(error_code: ErrorCode, *apis: Api) -> ApiVersionsResponse:
    return ApiVersionsResponse(
        error_code=error_code,
        api_keys=tuple(
            ApiVersion(api_key=i16(api.key), min_version=i16(api.min_version), max_version=i16(api.max_version))
            for api in apis
        ),
        throttle_time=_NO_THROTTLE,
        finalized_features_epoch=_FEATURES_EPOCH,
    )
