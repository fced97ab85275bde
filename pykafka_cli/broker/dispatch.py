"""One frame: version check, reading, handler, errors to codes, writing, counting.

Without a possible response (garbage, an unknown API or version, a failed Produce with acks=0), the problem is
raised as ProtocolError or Disconnect and closes that connection; the network logs why. A bug in a handler is logged
here and answered with UNKNOWN_SERVER_ERROR, so that the client does not have to wait for its timeout.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from kio.schema.errors import ErrorCode

from pykafka_cli.broker.access import CHECKED_BEFORE, handle_what_is_allowed
from pykafka_cli.broker.context import Api, Broker, RequestContext
from pykafka_cli.broker.errors import BrokerError
from pykafka_cli.broker.faults import Fault, Faults
from pykafka_cli.broker.handlers import HANDLERS
from pykafka_cli.broker.metrics import Metrics
from pykafka_cli.broker.network.authentication import Authentication
from pykafka_cli.broker.network.connection import Disconnect, Peer
from pykafka_cli.broker.network.pace import pace_for
from pykafka_cli.broker.quotas.allowances import Allowance, ClientQuotas
from pykafka_cli.broker.security.authorizer import Authorizer, Rights
from pykafka_cli.broker.throttling import handled_within_quotas
from pykafka_cli.protocol.api_keys import ApiKey
from pykafka_cli.protocol.buffers import Buffer
from pykafka_cli.protocol.codec import MessageCodec, RequestHeader, message_codec, read_request_header
from pykafka_cli.protocol.errors import ProtocolError
from pykafka_cli.protocol.hot_path import produce
from pykafka_cli.zookeeper.errors import ConnectionClosed, SessionExpired

_log = logging.getLogger(__name__)
_request_log = logging.getLogger("kafka.request.logger")
"""Kafka's name for it: at DEBUG each request with its duration, at TRACE with its content as well."""


OF_THE_CONTROLLER = frozenset({
    ApiKey.API_VERSIONS, ApiKey.LEADER_AND_ISR, ApiKey.STOP_REPLICA, ApiKey.UPDATE_METADATA,
    ApiKey.CONTROLLED_SHUTDOWN, ApiKey.ALTER_PARTITION, ApiKey.ALLOCATE_PRODUCER_IDS,
})  # fmt: skip
"""APIs between brokers and their controller, which are served even before a broker knows the cluster."""


BEFORE_LOGIN = frozenset({ApiKey.API_VERSIONS, ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE})
"""The requests that a client may send before its login, on a listener that requires one."""

NEVER_HELD = OF_THE_CONTROLLER | BEFORE_LOGIN
"""Where brokers log in to each other, the controller cannot send anything before its login."""

WITH_SECRETS = frozenset({
    ApiKey.SASL_AUTHENTICATE, ApiKey.ALTER_CONFIGS, ApiKey.INCREMENTAL_ALTER_CONFIGS,
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS, ApiKey.CREATE_DELEGATION_TOKEN, ApiKey.RENEW_DELEGATION_TOKEN,
    ApiKey.EXPIRE_DELEGATION_TOKEN, ApiKey.DESCRIBE_DELEGATION_TOKEN,
})  # fmt: skip
"""APIs whose messages hold passwords or the like; they are never logged."""

# An attribute of an enumeration is slow to look up, and these are compared for each request.
_API_VERSIONS, _PRODUCE = ApiKey.API_VERSIONS, ApiKey.PRODUCE


class Dispatcher:
    """Responds to frames with the handlers of one broker."""

    def __init__(
        self,
        broker: Broker,
        metrics: Metrics,
        apis: Mapping[int, Api] = HANDLERS,
        faults: Faults | None = None,
        authorizer: Authorizer | None = None,
        quotas: ClientQuotas | None = None,
    ) -> None:
        """Responds for `broker`.

        authorizer    None if everybody may do everything
        quotas        None if everybody may use as much as they like
        """
        self._broker, self._metrics, self._apis, self._authorizer = broker, metrics, apis, authorizer
        self._quotas = quotas
        self._faults = faults or Faults()
        self._active_faults = self._faults.active
        self._prepared: dict[tuple[int, int], tuple[Api, MessageCodec]] = {}
        self._admission: asyncio.Event | None = None

    def hold_clients(self) -> None:
        """Let all but the controller's requests wait: a broker that knows no cluster yet would deny its topics."""
        self._admission = asyncio.Event()

    def admit_clients(self) -> None:
        if self._admission:
            self._admission.set()
        self._admission = None

    async def answer(self, frame: bytearray, peer: Peer) -> list[Buffer] | None:
        """The response to one request, in buffers to be sent in order; None if none is expected.

        raises    ProtocolError, Disconnect: the connection is to be closed
        """
        data = memoryview(frame)
        login = peer.authentication
        if login is not None and login.takes_bare_tokens:
            return _bare_answer(login, data, peer)
        header = read_request_header(data)
        if login is not None and header.api_key not in BEFORE_LOGIN:
            _ensure_logged_in(login, header.api_key, self._broker)
        started = self._broker.clock.of_peers.monotonic() if self._metrics.are_timed else None
        key = (header.api_key, header.api_version)
        prepared = self._prepared.get(key)
        if prepared is None:
            if self._is_unknown_api_versions(header):
                return self._unsupported_api_versions(header)
            prepared = self._prepared[key] = self._prepare(header)
        api, codec = prepared
        if self._admission and header.api_key not in NEVER_HELD:
            await self._admission.wait()
        try:
            request = codec.decode_request(data, header.position)
        except ProtocolError as error:
            what = f"a {api.name} request of version {header.api_version} that cannot be read"
            raise ProtocolError(f"{what}: {error}") from error
        context = RequestContext(
            self._broker,
            header.api_key,
            header.api_version,
            header.correlation_id,
            header.client_id,
            peer.host,
            peer.listener_name,
            peer.principal,
            self._apis,
            login,
            None if self._authorizer is None else _rights(self._authorizer, peer),
            self._allowance(peer, header) if self._quotas is not None and self._quotas.are_configured else None,
        )
        begun = self._broker.clock.monotonic() if 0 < _request_log.level <= logging.DEBUG else None
        if self._active_faults and (fault := self._fault_for(header, request)):
            handling = self._handled_with(fault, api, codec, context, request)
        else:
            handling = self._handled(api, codec, context, request)
        if context.allowance is None:
            response = await handling
        else:
            response = await handled_within_quotas(handling, context, context.allowance, request, len(frame))
            peer.silence = context.throttle
        if begun is not None:
            self._log_request(header, peer, request, response, begun)
        if login is not None:
            peer.principal = login.principal
        if api.key == _API_VERSIONS:
            peer.pace = pace_for(request.client_software_name, request.client_software_version)
        self._metrics.requests[api.name] += 1
        if started is not None:
            self._metrics.note_time(api.name, self._broker.clock.of_peers.monotonic() - started)
        if api.key == _PRODUCE and request.acks == 0:
            _ensure_nothing_failed(response)
            return None
        return self._encoded(api, codec, header.correlation_id, response, request)

    def _allowance(self, peer: Peer, header: RequestHeader) -> Allowance | None:
        assert self._quotas is not None
        return self._quotas.allowance(peer.principal.partition(":")[2], header.client_id or "")

    def _log_request(self, header: RequestHeader, peer: Peer, request: Any, response: Any, begun: float) -> None:
        what = ""
        if _request_log.level < logging.DEBUG:
            content = "[hidden]" if header.api_key in WITH_SECRETS else f"{request!r}, response: {response!r}"
            what = f", request: {content}"
        _request_log.debug(
            "Completed request: %s version %d, correlation id %d, client id %s, from %s, principal %s, in %.3f ms%s",
            self._apis[header.api_key].name,
            header.api_version,
            header.correlation_id,
            header.client_id,
            peer,
            peer.principal,
            (self._broker.clock.monotonic() - begun) * 1000,
            what,
        )

    async def answer_own(self, request: Any) -> Any:
        """The response to a request of this broker to itself; both are of the newest version."""
        api = self._apis[request.__api_key__]
        codec = message_codec(api.key, api.max_version, api.max_version)
        settings = self._broker.settings
        client_id, listener = f"broker-{settings.broker_id}", settings.inter_broker_listener
        context = RequestContext(
            self._broker, api.key, api.max_version, 0, client_id, "127.0.0.1", listener, apis=self._apis
        )
        self._metrics.requests[api.name] += 1
        return await self._handled(api, codec, context, request)

    def _fault_for(self, header: RequestHeader, request: Any) -> Fault | None:
        """The requested fault; requests of followers are exempt."""
        if getattr(request, "replica_id", -1) >= 0:
            return None
        return self._faults.take(header.api_key, header.client_id)

    async def _handled_with(
        self, fault: Fault, api: Api, codec: MessageCodec, context: RequestContext, request: Any
    ) -> Any:
        """The response to a request that a fault happens to; raises Disconnect if that is the fault."""
        response = await self._handled(api, codec, context, request) if fault.is_after else None
        if fault.delay_s:
            await self._broker.clock.of_peers.sleep(fault.delay_s)
        if fault.disconnects:
            raise Disconnect("fault", f"this was asked for, as a fault of {api.name}")
        if fault.error is not None:
            return codec.error_response(request, fault.error, None)
        return response if fault.is_after else await self._handled(api, codec, context, request)

    async def _handled(self, api: Api, codec: MessageCodec, context: RequestContext, request: Any) -> Any:
        try:
            if context.rights is not None and api.key in CHECKED_BEFORE:
                return await handle_what_is_allowed(api.handle, codec, context, request)
            return await api.handle(context, request)
        except BrokerError as error:
            self._metrics.errors[api.name, error.code.name] += 1
            _log.debug("%s from %s (%s): %r", api.name, context.client_id, context.client_host, error)
            return codec.error_response(request, error.code, error.message)
        except (SessionExpired, ConnectionClosed) as lost:
            # What was asked for may have been done; clients take the error to mean just that, and try again.
            code = ErrorCode.request_timed_out
            self._metrics.errors[api.name, code.name] += 1
            _log.info("%s from %s (%s) was interrupted: %s", api.name, context.client_id, context.client_host, lost)
            return codec.error_response(request, code, f"The broker has lost its connection to ZooKeeper: {lost}")
        except Exception:
            self._fail(api, "could not be served")
            return codec.error_response(request, ErrorCode.unknown_server_error, None)

    def _encoded(self, api: Api, codec: MessageCodec, correlation_id: int, response: Any, request: Any) -> list[Buffer]:
        try:
            return codec.encode_response(correlation_id, response, request)
        except Exception:
            self._fail(api, "was served, but the answer could not be written")
            error = codec.error_response(request, ErrorCode.unknown_server_error, None)
            return codec.encode_response(correlation_id, error, request)

    def _fail(self, api: Api, what: str) -> None:
        self._metrics.failures[api.name] += 1
        _log.exception("A %s request %s; this is a bug in the broker", api.name, what)

    def _prepare(self, header: RequestHeader) -> tuple[Api, MessageCodec]:
        api = self._apis.get(header.api_key)
        if api is None:
            raise ProtocolError(f"a request for API {header.api_key}, which this broker does not offer")
        if not api.min_version <= header.api_version <= api.max_version:
            raise ProtocolError(
                f"a {api.name} request of version {header.api_version} from client {header.client_id!r:.100}; "
                f"this broker speaks {api.min_version} to {api.max_version}"
            )
        return api, message_codec(api.key, header.api_version, api.max_version)

    def _is_unknown_api_versions(self, header: RequestHeader) -> bool:
        api = self._apis.get(ApiKey.API_VERSIONS)
        return header.api_key == ApiKey.API_VERSIONS and api is not None and header.api_version > api.max_version

    def _unsupported_api_versions(self, header: RequestHeader) -> list[Buffer]:
        # A newer client must learn what to fall back to; version 0 is what everyone reads (KIP-511).
        from pykafka_cli.broker.handlers import api_versions

        api = self._apis[ApiKey.API_VERSIONS]
        codec = message_codec(ApiKey.API_VERSIONS, 0, api.max_version)
        return codec.encode_response(header.correlation_id, api_versions.unsupported(api), None)


def _rights(authorizer: Authorizer, peer: Peer) -> Rights:
    """What the peer may do, as whoever it has logged in."""
    rights = peer.rights
    if rights is None or rights.client.principal != peer.principal:
        rights = peer.rights = authorizer.rights_of(peer.principal, peer.host)
    return rights


def _ensure_logged_in(login: Authentication, api_key: int, broker: Broker) -> None:
    """raises    Disconnect"""
    if not login.is_complete:
        raise Disconnect("authentication", f"it sent API {api_key} before logging in")
    if login.expiry_ms is not None and login.expiry_ms < broker.clock.now_ms():
        raise Disconnect("authentication", "its login has ended, and it has not logged in again")


def _bare_answer(login: Authentication, token: memoryview, peer: Peer) -> list[Buffer] | None:
    """The response to a token without a request around it, as clients of 0.10 send it; to a rejected one, there is
    none."""
    try:
        answer = login.respond(bytes(token))
    except BrokerError:
        return None
    peer.principal = login.principal
    return [answer]


def _ensure_nothing_failed(response: produce.ProduceResponse) -> None:
    """Raise Disconnect if a partition rejected its records: a client that reads no responses notices it in no other
    way."""
    for topic in response.topics:
        for each in topic.partitions:
            if each.error_code is not ErrorCode.none:
                what = f"{topic.name}-{each.index} refused records sent with acks=0: {each.error_code.name}"
                raise Disconnect("acks=0", what)
