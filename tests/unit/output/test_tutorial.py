"""Commands as the tutorial shows them."""

import shlex

import pytest

from pykafka_cli.output.tutorial import in_lines


@pytest.mark.parametrize("width", [20, 40, 80])
@pytest.mark.parametrize(
    "command",
    [
        "pk topics --list",
        "seq 1 9 | sed 's/.*/task &:&/' | pk console-producer --topic work --property parse.key=true",
        'echo "a  b" | pk console-producer --topic t --property key.separator=:',
    ],
)
def test_lines_that_continue_are_the_command(command: str, width: int) -> None:
    lines = in_lines(command, width)

    assert shlex.split("".join(line.removesuffix("\\") for line in lines)) == shlex.split(command)
    assert all(line.endswith(" \\") for line in lines[:-1])
    assert all(len(line) <= width for line in lines if len(line.split()) > 2)


def test_a_command_that_fits_is_one_line() -> None:
    assert in_lines("pk topics --list", 80) == ["pk topics --list"]
