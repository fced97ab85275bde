"""What the scripts about groups print alike, as those of 4.3.1 printed it."""

from pykafka_cli.model import GroupListing
from pykafka_cli.output import group_views as text


def test_a_list_shows_states_where_they_are_asked_for() -> None:
    groups = [GroupListing("sg", "Share", "Stable", "share")]

    assert text.listing(groups, states=False) == "sg\n"
    assert text.listing(groups, states=True) == "GROUP           STATE\nsg              Stable\n"


def test_deleted_groups_are_named_with_what_failed() -> None:
    assert text.deleted_groups({"a": None, "b": None}, "consumer") == (
        "Deletion of requested consumer groups ('a', 'b') was successful.\n"
    )
    assert text.deleted_groups({}, "consumer") == "Deletion of requested consumer groups ('') was successful.\n"
    assert text.deleted_groups({"a": None, "b": "it is not empty"}, "consumer") == (
        "\nError: Deletion of some consumer groups failed:\n"
        "* Group 'b' could not be deleted due to: it is not empty\n"
        "\nThese consumer groups were deleted successfully: 'a'\n"
    )
