"""Sessions on a server that does not lead; the leader decides when they expire. Pure."""

from collections.abc import Mapping

from pykafka_cli.model import Milliseconds
from pykafka_cli.zookeeper.ensemble.packets import SessionTimeout
from pykafka_cli.zookeeper.server.sessions import Sessions


class LearnerSessions(Sessions):
    """The sessions of the whole ensemble; records which of them have been active since the last ping."""

    def __init__(
        self, tick_ms: Milliseconds, timeouts: Mapping[int, int], *, now_ms: int, wall_ms: int, server_id: int
    ) -> None:
        """timeouts    of all sessions, as transactions change them"""
        super().__init__(tick_ms, {}, now_ms=now_ms, wall_ms=wall_ms, server_id=server_id)
        self._timeouts = timeouts
        self._touched: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._timeouts)

    def take_touched(self) -> list[SessionTimeout]:
        """The sessions that have been active since the last call, for the leader."""
        touched, self._touched = self._touched, {}
        return [SessionTimeout(*each) for each in touched.items()]

    def touch(self, session_id: int, now_ms: int, timeout_ms: Milliseconds | None = None) -> bool:  # noqa: ARG002
        """Record a message of a session; False if no session has that id."""
        known = self._timeouts.get(session_id)
        if known is None:
            return False
        self._touched[session_id] = timeout_ms or self._touched.get(session_id, known)
        return True

    def check(self, session_id: int) -> None:
        """Accept any: reads are served while the connection is open, and the leader checks the session of a change."""

    def timeout_ms(self, session_id: int) -> Milliseconds:
        """The timeout of a session; 0 for an unknown id."""
        return Milliseconds(self._timeouts.get(session_id, 0))

    def expire(self, now_ms: int) -> list[int]:  # noqa: ARG002
        """Return none: the leader expires sessions."""
        return []

    def postpone(self, ms: int, now_ms: int) -> None:
        """Nothing expires here."""
