import pytest

from pykafka_cli.zookeeper.protocol.errors import BadArguments
from pykafka_cli.zookeeper.server.paths import parents, split, validate


@pytest.mark.parametrize(
    "path", ["/", "/a", "/a/b", "/a.b/..c/...", "/ä/日本", "/a b", "/\ue000".replace("\ue000", "x")]
)
def test_these_may_name_a_znode(path: str) -> None:
    validate(path)


@pytest.mark.parametrize(
    "path",
    ["", "a", "/a/", "//", "/a//b", "/.", "/..", "/a/./b", "/a/../b", "/a/..", "/\x00", "/a\x1f", "/\x7f", "/\x9f"],
)
def test_these_may_not(path: str) -> None:
    with pytest.raises(BadArguments):
        validate(path)


@pytest.mark.parametrize("character", ["\ue000", "\uf8ff", "\ufff0", "\uffff", "\U0001f600"])
def test_private_and_special_characters_and_those_beyond_the_first_plane_are_rejected(character: str) -> None:
    with pytest.raises(BadArguments, match="not allowed at 2"):
        validate(f"/a{character}")


def test_a_path_is_split_into_parent_and_name() -> None:
    assert split("/a") == ("/", "a")
    assert split("/a/b/c") == ("/a/b", "c")


def test_the_parents_of_a_path_come_nearest_first() -> None:
    assert parents("/a/b/c") == ["/a/b", "/a", "/"]
    assert parents("/") == []
