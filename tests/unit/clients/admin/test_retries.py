from collections.abc import Mapping

from kio.schema.errors import ErrorCode

from pykafka_cli.clients.admin.retries import ask_until_final
from pykafka_cli.clients.errors import ApiError
from tests.fakes.cluster import FakeSession

LOADING = frozenset({ErrorCode.coordinator_load_in_progress})


class Asked:
    """Answers from a list, one set for each time that it is asked."""

    def __init__(self, *answers: Mapping[str, int | ApiError]) -> None:
        self.answers = list(answers)
        self.names: list[list[str]] = []

    async def __call__(self, names: list[str]) -> Mapping[str, int | ApiError]:
        self.names.append(names)
        return self.answers.pop(0)


async def ask(asked: Asked, names: list[str], *, timeout_ms: int = 60_000) -> dict[str, int | str]:
    settings = {"retry.backoff.ms": "0", "default.api.timeout.ms": str(timeout_ms)}
    session = FakeSession({}, settings=settings)
    results = await ask_until_final(session, names, asked, LOADING)  # type: ignore[arg-type]
    return {name: str(its) if isinstance(its, ApiError) else its for name, its in results.items()}


async def test_only_what_may_still_succeed_is_asked_about_again() -> None:
    loading, refused = ApiError(ErrorCode.coordinator_load_in_progress), ApiError(ErrorCode.group_authorization_failed)
    asked = Asked({"a": 1, "b": loading, "c": refused}, {"b": 2})

    assert await ask(asked, ["a", "b", "c", "a"]) == {"a": 1, "b": 2, "c": "Group authorization failed."}
    assert asked.names == [["a", "b", "c"], ["b"]]


async def test_time_comes_to_an_end() -> None:
    loading = ApiError(ErrorCode.coordinator_load_in_progress, "still loading")

    assert await ask(Asked({"a": loading}), ["a"], timeout_ms=0) == {"a": "still loading"}


async def test_what_a_broker_leaves_out_is_an_error() -> None:
    assert await ask(Asked({"a": 1}), ["a", "b"]) == {"a": 1, "b": "The broker's response lacks it."}


async def test_nothing_is_asked_about_nothing() -> None:
    assert await ask(Asked(), []) == {}
