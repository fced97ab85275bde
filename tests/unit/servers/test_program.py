"""How pk is called by scripts and daemons, installed and as one file."""

import sys

import pytest

from pykafka_cli.servers.program import own_command, program_names


def test_installed_it_is_this_python_and_the_package() -> None:
    assert own_command() == [sys.executable, "-m", "pykafka_cli"]
    assert program_names() == {"pk", "pykafka_cli"}


def test_as_one_file_it_is_the_file_under_whatever_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/opt/pk-0.1.0")

    assert own_command() == ["/opt/pk-0.1.0"]
    assert "pk-0.1.0" in program_names()
