"""Whether to use colors: not if NO_COLOR is set (https://no-color.org), which rich observes as well."""

import os


def may_color() -> bool:
    return not os.environ.get("NO_COLOR")
