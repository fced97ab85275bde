"""Where clients and other brokers reach this broker: the advertised listeners, with the ports really bound.

Source: kafka.server.KafkaServer.createBrokerInfo.
"""

import socket
from collections.abc import Iterable
from dataclasses import replace

from pykafka_cli.properties.broker import BrokerSettings
from pykafka_cli.properties.listeners import Listener
from pykafka_cli.zookeeper.kafka_znodes import BrokerRegistration, Endpoint


def reachable(advertised: Iterable[Listener], bound: Iterable[Listener]) -> tuple[Listener, ...]:
    """The advertised listeners, with this machine's name and the port of `bound` where they leave these open."""
    ports = {listener.name: listener.port for listener in bound}
    return tuple(
        replace(each, host=each.host or socket.getfqdn(), port=each.port or ports.get(each.name, 0))
        for each in advertised
    )


def registration(settings: BrokerSettings, bound: Iterable[Listener]) -> BrokerRegistration:
    """What the broker's znode contains. raises ConfigError, as settings.advertised_listener_list."""
    listeners = reachable(settings.advertised_listener_list, bound)
    return BrokerRegistration(
        settings.broker_id,
        tuple(Endpoint(each.name, each.protocol.value, each.host, each.port) for each in listeners),
        rack=settings.broker_rack,
    )
