"""Old names of options: both at once is rejected, and Kafka 4 has words about them."""

import pytest

from pykafka_cli.script.command import ScriptContext
from pykafka_cli.script.errors import ScriptError, UsageProblem
from pykafka_cli.script.generations import OldName, OldOptions, Removed, refuse_both

NAMES = (OldName("property", "reader-property", new_first=True), OldName("producer.config", "command-config"))
REMOVED = (Removed("broker-list", "--bootstrap-server"),)


class Context(ScriptContext):
    def __init__(self, *spelled: str) -> None:
        self.spelled = frozenset(spelled)

    def usage_problem(self, message: str, *, hint: str = "") -> UsageProblem:
        return UsageProblem(message, "", hint=hint)


class Cluster:
    def __init__(self, *, kafka_4: bool) -> None:
        self.kafka_4 = kafka_4

    async def is_kafka_4(self) -> bool:
        return self.kafka_4


def test_an_option_is_not_given_by_both_of_its_names() -> None:
    with pytest.raises(
        UsageProblem, match=r"^Options --reader-property and --property cannot be specified together\.$"
    ):
        refuse_both(Context("property", "reader-property"), NAMES)
    with pytest.raises(ScriptError, match=r"^error: --producer\.config and --command-config cannot"):
        refuse_both(Context("producer.config", "command-config"), NAMES, lambda text: ScriptError(f"error: {text}"))

    refuse_both(Context("property", "command-config"), NAMES)


async def test_only_kafka_4_remarks_on_an_old_name(capsys: pytest.CaptureFixture[str]) -> None:
    old = OldOptions(Context("property"), NAMES, REMOVED, remark="{old} -> {new}")

    await old.report(Cluster(kafka_4=False))  # type: ignore[arg-type]
    before = capsys.readouterr().out
    await old.report(Cluster(kafka_4=True))  # type: ignore[arg-type]

    assert before == ""
    assert capsys.readouterr().out == "property -> reader-property\n"


async def test_only_kafka_4_rejects_what_is_gone_there() -> None:
    old = OldOptions(Context("broker-list"), NAMES, REMOVED, remark="")

    await old.report(Cluster(kafka_4=False))  # type: ignore[arg-type]
    with pytest.raises(UsageProblem, match="broker-list is not a recognized option") as refusal:
        await old.report(Cluster(kafka_4=True))  # type: ignore[arg-type]

    assert "use --bootstrap-server" in refusal.value.hint
