"""A real cluster in place of ours, for pytest: tests that need more than it can do are skipped."""

from typing import Any, NoReturn

import pytest

from pykafka_cli.clients.settings import BadClientSetting, read_settings
from pykafka_cli.testing.cluster import ExternalCluster


class SkippingCluster(ExternalCluster):
    """The cluster at an address, with a properties file for its clients.

    raises    pytest.UsageError if the file cannot be used
    """

    def __init__(self, address: str, file: str | None) -> None:
        try:
            properties = read_settings(file, {}, lambda _: None).properties
        except BadClientSetting as error:
            raise pytest.UsageError(f"--pk-command-config {file}: {error}") from None
        super().__init__(address, client_properties=properties)

    def _request(self, command: str, **_arguments: Any) -> NoReturn:
        pytest.skip(f"{command} is not possible with {self.bootstrap_servers}, which was not started for this test")
