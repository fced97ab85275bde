"""Settings of the interpreter for commands that move millions of records."""

import gc

_THRESHOLD = 200_000


def collect_garbage_rarely() -> None:
    """Have the cycle collector look only now and then.

    A chunk of lines is tens of thousands of tuples that live for a moment and hold no cycles; looking at them again and
    again would take a third of the time.
    """
    gc.freeze()
    gc.set_threshold(_THRESHOLD, 20, 20)
