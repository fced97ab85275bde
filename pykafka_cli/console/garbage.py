"""Settings of the interpreter for commands that move millions of records."""

import gc

_THRESHOLD = 200_000


def collect_garbage_rarely() -> None:
    """Let the garbage collector search for cycles only rarely.

    A chunk of lines is tens of thousands of short-lived tuples without cycles; searching them repeatedly would take a
    third of the time.
    """
    gc.freeze()
    gc.set_threshold(_THRESHOLD, 20, 20)
