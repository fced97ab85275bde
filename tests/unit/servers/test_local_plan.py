"""The settings that `pk up` gives its servers."""

from pathlib import Path

from pykafka_cli.servers.local_plan import LocalPlan, ZooKeeperPorts, zookeeper_file, zookeeper_settings

PORTS = [(2181, 2888, 3888), (2182, 2889, 3889), (2183, 2890, 3890)]


def plan(metrics: tuple[int, ...] = (), **overrides: str) -> LocalPlan:
    given = {name.replace("__", "."): text for name, text in overrides.items()}
    return LocalPlan(Path("/data"), [9092], 2181, metrics_ports=metrics, zookeeper_overrides=given)


def test_overrides_win_over_what_zookeeper_would_have() -> None:
    settings = zookeeper_settings(plan(tickTime="500", maxClientCnxns="7"))

    assert (settings.tick_time, settings.max_client_cnxns, settings.client_port) == (500, 7, 2181)


def test_each_zookeeper_has_its_own_of_the_ports() -> None:
    found = [
        plan((9404, 9405, 9406, 9407), admin__serverPort="8100", secureClientPort="0").zookeeper_properties(server)
        for server in (1, 2, 3)
    ]

    assert [each["admin.serverPort"] for each in found] == ["8100", "8101", "8102"]
    assert [each["metricsProvider.httpPort"] for each in found] == ["9405", "9406", "9407"]
    assert [each["secureClientPort"] for each in found] == ["0", "0", "0"]


def test_zookeepers_have_ports_of_their_own_for_commands_even_if_none_is_given() -> None:
    found = [plan(admin__enableServer="true").zookeeper_properties(server) for server in (1, 2)]

    assert [each["admin.serverPort"] for each in found] == ["8080", "8081"]


def test_overrides_are_in_the_file_of_a_zookeeper_with_its_own_process() -> None:
    of_three = plan(tickTime="500")._replace(ensemble=[ZooKeeperPorts(*each) for each in PORTS])

    lines = zookeeper_file(of_three, 2).splitlines()

    assert "tickTime=500" in lines
    assert "tickTime=2000" not in lines
    assert {"clientPort=2182", "server.3=127.0.0.1:2890:3890"} <= set(lines)
