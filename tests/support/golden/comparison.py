"""A case run with `pk`, and what it printed beside what was recorded."""

from collections.abc import Iterator
from pathlib import Path

from tests.support.golden.cases import Case, differences, read_golden, title
from tests.support.golden.runs import Addresses, CaseRun
from tests.support.running import PK


def disagreements(path: Path, case: Case, addresses: Addresses, folder: Path) -> Iterator[str]:
    """Run the case at `path` (without suffix); all that differs, below the command that differs."""
    recorded = iter(read_golden(path.with_name(f"{path.name}.golden")))
    owed = {id(step): next(recorded) for step in case["steps"] if step.get("only") != "pk" and "background" not in step}
    with CaseRun(case, addresses, lambda command: [PK, command], folder) as run:
        for step, outcome in run.outcomes(skipped="kafka"):
            name_of_step, past = owed.get(id(step), (title(step), outcome))
            assert name_of_step == title(step), "the golden file holds other steps than the case: record it again"
            found = list(differences(step, past, outcome))
            yield from [f"$ {title(step)}", *found] if found else []
