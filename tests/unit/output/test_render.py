"""One result in four forms."""

import json

import pytest
import yaml

from pykafka_cli.output.render import OutputFormat, Table, show

DOCUMENT = [{"topic": "täst", "partitions": [0, 1], "leader": None}]


def shown(form: OutputFormat, capsys: pytest.CaptureFixture[str]) -> str:
    show(
        form,
        text=lambda: "täst\n",
        table=lambda: ["a line", Table(("TOPIC", "PARTITIONS"), [("täst", 2), ("[bold]x", None)], "[red]Title")],
        document=lambda: DOCUMENT,
    )
    return capsys.readouterr().out


def test_kafkas_text_is_written_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(OutputFormat.KAFKA, capsys) == "täst\n"


def test_json_and_yaml_hold_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(shown(OutputFormat.JSON, capsys)) == DOCUMENT
    assert yaml.safe_load(shown(OutputFormat.YAML, capsys)) == DOCUMENT


def test_a_table_takes_names_literally(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(OutputFormat.TABLE, capsys)

    assert "a line" in text
    assert "[red]Title" in text
    assert "[bold]x" in text
    assert "-" in text


def test_a_table_without_rows_says_that_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    tables = [Table(("GROUP", "STATE"), [], "a title", empty="No groups."), Table(("GROUP",), [], empty="")]

    show(OutputFormat.TABLE, text=str, table=lambda: tables, document=list)

    assert capsys.readouterr().out == "a title\nNo groups.\n"


def test_a_title_wider_than_its_table_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    title = ", ".join(f"setting.{number}=value" for number in range(20))

    show(OutputFormat.TABLE, text=str, table=lambda: [Table(("A",), [(1,)], title)], document=list)

    assert title in capsys.readouterr().out.splitlines()


NARROW = Table(("TOPIC", "PARTITION", "END"), [("orders-of-germany-" * 3, 0, 123_456_789), ("a", 1, None)])


@pytest.mark.parametrize("width", [20, 40, 60])
def test_no_number_is_broken_on_a_narrow_terminal(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))

    show(OutputFormat.TABLE, text=str, table=lambda: [NARROW], document=list)

    out = capsys.readouterr().out
    assert "123456789" in out
    assert "PARTITION" in out
    assert max(map(len, out.splitlines())) <= width


def test_a_row_is_upright_where_its_columns_do_not_fit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "26")

    show(OutputFormat.TABLE, text=str, table=lambda: [Table(("TOPIC", "END"), [("t", 10**18)])], document=list)
    assert capsys.readouterr().out.split() == ["TOPIC", "t", "END", str(10**18)]
