"""What a disk error does to one log: a full disk only makes a write fail, any other error takes the log offline."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from pykafka_cli.broker.clock import Clock
from pykafka_cli.broker.errors import KafkaStorageError
from pykafka_cli.model import TopicPartition
from pykafka_cli.storage.files import is_full

_log = logging.getLogger(__name__)

_REMINDER_MS = 30_000
"""Milliseconds between two log lines about a full disk."""


class DiskErrors:
    """Turns OSError into KafkaStorageError. `on_failure` is called when an error takes the log offline."""

    def __init__(
        self, topic_partition: TopicPartition, directory: Path, clock: Clock, on_failure: Callable[[OSError], None]
    ) -> None:
        self._topic_partition = topic_partition
        self.directory = directory
        self._clock = clock
        self._on_failure = on_failure
        self.is_offline = False
        self._silent_until_ms = 0

    def check_online(self) -> None:
        """raises  KafkaStorageError"""
        if self.is_offline:
            raise KafkaStorageError(f"{self._topic_partition}: {self.directory} is offline after a disk error")

    def during(self, action: str, *, is_half_done: bool = False) -> "_Action":
        """A context manager: an OSError in its block makes `action` fail, as `fail` describes.

        raises  KafkaStorageError
        """
        return _Action(self, action, is_half_done)

    def fail(self, action: str, error: OSError, *, is_half_done: bool = False) -> NoReturn:
        """Report that `action` failed.

        is_half_done    after any error, the log is in no usable state
        raises          KafkaStorageError
        """
        if is_full(error) and not is_half_done:
            # The log is as it was before; writes succeed again once there is room, without a restart.
            refusal = (
                f"{self._topic_partition}: cannot {action}: no room left on the disk of {self.directory}. "
                "Nothing was written; free some space there."
            )
            if self._clock.now_ms() >= self._silent_until_ms:
                self._silent_until_ms = self._clock.now_ms() + _REMINDER_MS
                _log.error("%s", refusal)
            raise KafkaStorageError(refusal) from error
        self.is_offline = True
        self._on_failure(error)
        raise KafkaStorageError(f"{self._topic_partition}: cannot {action} in {self.directory}: {error}") from error


class _Action:
    """An action that may fail. contextlib's decorator would hide from mypy that no exception is suppressed."""

    def __init__(self, errors: DiskErrors, name: str, is_half_done: bool) -> None:
        self._errors, self._name, self._is_half_done = errors, name, is_half_done

    def __enter__(self) -> None: ...

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, OSError):
            self._errors.fail(self._name, error, is_half_done=self._is_half_done)
