"""The authorizer: what each client may do, by ACLs and super.users, and the log of what was denied.

kafka.authorizer.logger has a line for each denial, at DEBUG for each permission as well, and at TRACE for what was
looked up only to choose what to show.

source  kafka.security.authorizer.AclAuthorizer of Apache Kafka 3.9
"""

import logging
from collections.abc import Collection

from pykafka_cli.acls import SUPPORTED_OPERATIONS, AclOperation, ResourceType
from pykafka_cli.broker.security.rules import AclRules, Client
from pykafka_cli.protocol.api_keys import ApiKey

_log = logging.getLogger("kafka.authorizer.logger")
_TRACE = 5
_TITLES = {int(api): api.title for api in ApiKey}

MOST_KNOWN = 1000
"""Decisions that are kept for one connection; a client that asks about more names than that is looked up again."""


class Authorizer:
    """Decides by the ACLs as they are now."""

    def __init__(self, rules: AclRules, super_users: Collection[str]) -> None:
        self.rules = rules
        self._super_users = frozenset(super_users)

    def is_super_user(self, principal: str) -> bool:
        return principal in self._super_users

    def rights_of(self, principal: str, host: str) -> "Rights":
        """For the requests of one connection."""
        return Rights(self, Client(principal, host))


class Rights:
    """The permissions of one client: each decision is made once, and again when the ACLs have changed."""

    __slots__ = ("_authorizer", "_is_super_user", "_known", "_version", "client")

    def __init__(self, authorizer: Authorizer, client: Client) -> None:
        self.client = client
        self._authorizer = authorizer
        self._is_super_user = authorizer.is_super_user(client.principal)
        self._version = authorizer.rules.version
        self._known: dict[tuple[AclOperation, ResourceType, str], bool] = {}

    def allow(
        self,
        operation: AclOperation,
        type_: ResourceType,
        name: str,
        *,
        api_key: int,
        count: int = 1,
        is_asked_for: bool = True,
    ) -> bool:
        """Whether the client may do this.

        api_key         of the request, for the log
        count           how often the request names the resource, for the log
        is_asked_for    False if the decision only chooses what to show
        """
        rules = self._authorizer.rules
        if self._version != rules.version:
            self._known.clear()
            self._version = rules.version
        key = operation, type_, name
        allowed = self._known.get(key)
        if allowed is None:
            allowed = self._is_super_user or rules.allow(self.client, operation, type_, name)
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[key] = allowed
        if not allowed or _log.isEnabledFor(logging.DEBUG):
            self._log_decision(allowed, operation, type_, name, api_key, count, is_asked_for)
        return allowed

    def allow_some(self, operation: AclOperation, type_: ResourceType, *, api_key: int) -> bool:
        """Whether the client may do this with any resource of the type."""
        allowed = self._is_super_user or self._authorizer.rules.allow_some(self.client, operation, type_)
        self._log_decision(allowed, operation, type_, "NONE", api_key, 0, True)
        return allowed

    def operations(self, type_: ResourceType, name: str, *, api_key: int) -> int:
        """The operations that the client may perform, as bits 1 << AclOperation."""
        return sum(
            1 << operation
            for operation in SUPPORTED_OPERATIONS[type_]
            if self.allow(operation, type_, name, api_key=api_key, is_asked_for=False)
        )

    def _log_decision(
        self,
        allowed: bool,
        operation: AclOperation,
        type_: ResourceType,
        name: str,
        api_key: int,
        count: int,
        is_asked_for: bool,
    ) -> None:
        level = _TRACE if not is_asked_for else logging.DEBUG if allowed else logging.INFO
        if _log.isEnabledFor(level):
            _log.log(
                level,
                "Principal = %s is %s Operation = %s from host = %s on resource = %s:LITERAL:%s for request = %s "
                "with resourceRefCount = %d",
                self.client.principal,
                "Allowed" if allowed else "Denied",
                operation.title,
                self.client.host,
                type_.title,
                name,
                _TITLES[api_key],
                count,
            )
