"""What goes behind the program's end."""

import marshal
from pathlib import Path

import pytest

from binary.__main__ import required_glibc
from binary.payload import BuildFailed, Payload
from tests.support.built_program import index_of


@pytest.fixture
def library(tmp_path: Path) -> Path:
    for path, text in {
        "alone.py": "x = 1",
        "package/__init__.py": "",
        "package/inside.py": "raise ValueError",
        "package/tests/test_it.py": "x = 2",
        "tkinter/__init__.py": "x = 3",
        "some_thing-1.5.dist-info/METADATA": "Metadata-Version: 2.1\nName: some_thing\nVersion: 1.5\n",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_modules_stand_where_the_index_says(library: Path) -> None:
    program = b"\x7fELF..."
    payload = Payload(start=len(program))
    payload.add_folder(library)
    whole = program + payload.to_bytes()

    index = index_of(whole)
    position, size, path, is_package = index["modules"]["alone"]
    namespace: dict[str, int] = {}
    exec(marshal.loads(whole[position : position + size]), namespace)

    assert (path, is_package, namespace["x"]) == ("alone.py", False, 1)
    assert {name: each[3] for name, each in index["modules"].items()} == {
        "alone": False, "package": True, "package.inside": False,
    }  # fmt: skip
    assert index["versions"] == {"some-thing": "1.5"}


def test_a_module_does_not_say_where_it_was_compiled(library: Path) -> None:
    payload = Payload(start=0)
    payload.add_folder(library)

    assert str(library).encode() not in payload.to_bytes()


def test_a_module_that_is_no_python_is_named(library: Path) -> None:
    (library / "alone.py").write_text("x = 1\ndef\n")

    with pytest.raises(BuildFailed, match=r"alone\.py, line 2"):
        Payload(start=0).add_folder(library)


def test_the_newest_c_library_that_a_part_asks_for_counts() -> None:
    assert required_glibc(b"\0GLIBC_2.4\0..\0GLIBC_2.34\0..\0GLIBC_2.2.5\0") == "2.34"
