"""kafka-dump-log.sh and `pk dump-log`, compared over files that were damaged at random."""

import random
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.dump_log_runs import ARCHIVES, command_lines, differences, kafka_dumps, pk_dump
from tests.support.recorded_directories import unpacked

DUMPED = (".log", ".index", ".timeindex", ".snapshot", ".txnindex", ".checkpoint")
FILES_EACH = 40
LARGEST = 20_000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_damaged_files_are_dumped_as_by_kafkas_tool(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    sources = [
        path
        for name in ("clean", "running", "samples")
        for path in sorted(unpacked(name, tmp_path, archives=ARCHIVES[name]).rglob("*"))
    ]
    sources = [path for path in sources if path.suffix in DUMPED and path.stat().st_size > 0]
    directory = tmp_path / "damaged"
    for number in range(FILES_EACH):
        damage(chance.choice(sources), directory / f"{number:02}-0", chance)
    commands = list(command_lines(directory, every_decoder=True))

    dumps = kafka_dumps(commands, directory)
    assert not list(all_differences(commands, dumps, directory))


def damage(source: Path, folder: Path, chance: random.Random) -> None:
    """Put a file into the folder with some of its bytes changed, gone or added, and what it is read with."""
    folder.mkdir(parents=True)
    if source.suffix in (".index", ".timeindex"):
        for suffix in (".log", ".index"):
            shutil.copy(source.with_suffix(suffix), folder)
    data = bytearray(source.read_bytes()[:LARGEST])
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at = chance.randrange(len(data) + 1 if chance.random() < 0.5 else min(len(data), 100) + 1)
        match chance.choice(("change", "change", "change", "cut", "add", "remove")):
            case "change" if at < len(data):
                data[at] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
            case "cut":
                del data[at:]
            case "add":
                data[at:at] = chance.randbytes(chance.randrange(30))
            case "remove":
                del data[at : at + chance.randrange(30)]
    (folder / source.name).write_bytes(data)


def all_differences(commands: Iterable[Any], dumps: Iterable[Any], directory: Path) -> Iterator[str]:
    for words, owed in zip(commands, dumps, strict=True):
        yield from differences(words, owed, pk_dump(words, directory))
