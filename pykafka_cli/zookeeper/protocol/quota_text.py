"""The data of the znodes about quotas: the limits of a subtree, and its current usage. Pure.

    /zookeeper/quota/PATH/zookeeper_limits    count=4,bytes=-1=;byteHardLimit=-1;countHardLimit=10
    /zookeeper/quota/PATH/zookeeper_stats     count=3,bytes=17

-1 means no limit. Source: org.apache.zookeeper.{Quotas, StatsTrack}.
"""

import re
from collections.abc import Mapping

QUOTAS = "/zookeeper/quota"
LIMITS, STATS = "zookeeper_limits", "zookeeper_stats"


def parse_quota(text: str) -> dict[str, int]:
    """Parse a limits or stats znode; -1 or a missing value means no limit. Raises ValueError."""
    pairs = (pair.split("=") for pair in re.split("[,;]+", text) if "=" in pair)
    return {pair[0]: int(pair[1] or -1) for pair in pairs}


def quota_text(values: Mapping[str, int]) -> str:
    """The form of StatsTrack: count and bytes first, and a sign that makes older readers ignore the rest."""
    first = f"count={values.get('count', -1)},bytes={values.get('bytes', -1)}"
    rest = sorted(name for name in values if name not in ("count", "bytes"))
    return first + "".join([*("=" for _ in rest[:1]), *(f";{name}={values[name]}" for name in rest)])
