"""Kerberos as a client's properties configure it: principal, key tab or ticket cache, service.

    sasl.mechanism=GSSAPI
    sasl.kerberos.service.name=kafka        or serviceName in sasl.jaas.config
    sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required
        useTicketCache=true [ticketCache=FILE]              tickets that kinit got
        useKeyTab=true keyTab=FILE principal="NAME@REALM"   keys to get tickets with; tried after the cache, if both

KRB5_CONFIG and KRB5CCNAME mean what they mean to Kerberos' own tools. Tickets obtained with a keytab stay in this
process's memory for the next connection; they are renewed with the keytab
after half of their lifetime.

source  KerberosLogin, com.sun.security.auth.module.Krb5LoginModule
"""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from pykafka_cli.properties.jaas import Login
from pykafka_cli.properties.security import SecuritySettings
from pykafka_cli.security.errors import BadClientSetting
from pykafka_cli.transport.sasl import SaslExchange

_MODULE = "Krb5LoginModule"
_FILE_PREFIX = "FILE:"
_USUAL_KEYTAB = "/etc/krb5.keytab"
_OWN_TICKETS = "MEMORY:pk"


def kerberos_exchange(settings: SecuritySettings, host: str, its: Login) -> SaslExchange:
    """A new exchange with the broker at `host`.

    raises    BadClientSetting
    """
    if find_spec("gssapi") is None:
        raise BadClientSetting(
            "sasl.mechanism GSSAPI needs the Python package gssapi: pip install 'pk-kafka[kerberos]', which requires "
            "Kerberos' headers (Debian: libkrb5-dev, Fedora: krb5-devel) and a C compiler"
        )
    if its.name != _MODULE:
        raise BadClientSetting(f"sasl.mechanism GSSAPI needs {_MODULE} in sasl.jaas.config, not {its.module}")
    from pykafka_cli.transport.kerberos import Kerberos, KerberosLogin

    return Kerberos(_service(settings, its), host, KerberosLogin(its.options.get("principal"), _stores(its)))


def _service(settings: SecuritySettings, its: Login) -> str:
    in_login, in_properties = its.options.get("serviceName"), settings.sasl_kerberos_service_name
    if in_login and in_properties and in_login != in_properties:
        raise BadClientSetting(
            f"Conflicting serviceName values found in JAAS and Kafka configs value in JAAS file {in_login}, "
            f"value in Kafka config {in_properties}"
        )
    if service := in_login or in_properties:
        return service
    raise BadClientSetting("No serviceName defined in either JAAS or Kafka config; set sasl.kerberos.service.name")


def _stores(its: Login) -> tuple[Mapping[str, str], ...]:
    stores: list[Mapping[str, str]] = []
    if _is_true(its, "useTicketCache"):
        stores.append({"ccache": its.options["ticketCache"]} if "ticketCache" in its.options else {})
    if _is_true(its, "useKeyTab"):
        keytab = its.options.get("keyTab") or os.environ.get("KRB5_KTNAME") or _USUAL_KEYTAB
        if not os.access(file := keytab.removeprefix(_FILE_PREFIX), os.R_OK):
            problem = "permission denied" if Path(file).exists() else "no such file or directory"
            raise BadClientSetting(f"keyTab {file}: {problem}")
        stores.append({"client_keytab": keytab, "ccache": _OWN_TICKETS})
    if not stores:
        raise BadClientSetting(
            f"{_MODULE} in sasl.jaas.config needs useTicketCache=true, or useKeyTab=true with keyTab and principal; "
            "there is no password prompt"
        )
    return tuple(stores)


def _is_true(its: Login, name: str) -> bool:
    return its.options.get(name, "").lower() == "true"
