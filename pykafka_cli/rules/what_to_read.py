"""The console consumer's options for topics, partition, offset and group, and which of them go together."""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from pykafka_cli.model import Offset, OffsetSpec


class NotTogether(Exception):
    """Conflicting options, or an invalid value, in the script's words."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Wanted(NamedTuple):
    """The subject of a consumer: a topic, topics by expression, or one partition of a topic from an offset."""

    topic: str | None
    pattern: str | None
    partition: int | None
    start: Offset | OffsetSpec


def check_what_to_read(given: Collection[str], topic: str | None, pattern: str | None, partition: int | None) -> None:
    """raises    NotTogether"""
    if (topic is None) == (pattern is None):
        hint = "--whitelist is DEPRECATED use --include instead; ignored if --include specified."
        tail = hint if "whitelist" in given else ""
        in_words_of_4 = "Exactly one of the following arguments is required: [topic], [include]"
        raise NotTogether(f"Exactly one of --include/--topic is required. {tail}", hint=in_words_of_4)
    if partition is None:
        if "offset" in given:
            raise NotTogether("The partition is required when offset is specified.")
        return
    if topic is None:
        raise NotTogether("The topic is required when partition is specified.")
    if {"from-beginning", "offset"}.issubset(given):
        raise NotTogether("Options from-beginning and offset cannot be specified together.")


def chosen_group(
    group: str | None,
    file: Mapping[str, str],
    words: Mapping[str, str],
    partition: int | None,
    *,
    option: str = "--consumer.config",
) -> str | None:
    """The group in any of these places; None without one.

    option    the option that names the file
    raises    NotTogether if different groups are named, or a group and a partition
    """
    named = dict.fromkeys(each for each in (group, file.get("group.id"), words.get("group.id")) if each is not None)
    if len(named) > 1:
        listed = ", ".join(f"'{each}'" for each in named)
        raise NotTogether(
            "The group ids provided in different places (directly using '--group', via '--consumer-property', or via "
            f"'{option}') do not match. Detected group ids: {listed}"
        )
    if named and partition is not None:
        raise NotTogether("Options group and partition cannot be specified together.")
    return next(iter(named), None)


def first_offset(given: Collection[str], offset: str, *, from_beginning: bool) -> Offset | OffsetSpec:
    """Where --partition starts, as in ListOffsets.

    raises    NotTogether
    """
    if "offset" not in given:
        return OffsetSpec.EARLIEST if from_beginning else OffsetSpec.LATEST
    if (word := offset.lower()) in ("earliest", "latest"):
        return OffsetSpec.EARLIEST if word == "earliest" else OffsetSpec.LATEST
    if re.fullmatch(r"\+?[0-9]+", offset) and int(offset) < 1 << 63:
        return Offset(int(offset))
    raise NotTogether(
        f"The provided offset value '{offset}' is incorrect. Valid values are 'earliest', 'latest', or a "
        "non-negative long."
    )
