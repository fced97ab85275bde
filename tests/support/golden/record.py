"""Record golden files: run the cases with Kafka's own scripts and write down what they do.

    python -m tests.support.golden.record KAFKA_HOME --bootstrap HOST:PORT --zookeeper HOST:PORT [--logdir DIR]
        [--older HOME] CASE...

KAFKA_HOME/bin holds kafka-topics.sh and the others. The cluster is fresh, its one broker has id 0 and
group.initial.rebalance.delay.ms=0. Steps that say `kafka_broken` are run again with the scripts of --older, 3.6.
"""

import argparse
import tempfile
from pathlib import Path

from tests.support.golden.cases import GOLDEN, Case, Outcome, load_case, title, write_golden
from tests.support.golden.runs import Addresses, CaseRun, Tool


def scripts(home: Path) -> Tool:
    return lambda command: [str(home / "bin" / (f"{command}.sh" if "zookeeper" in command else f"kafka-{command}.sh"))]


def play(case: Case, addresses: Addresses, tool: Tool) -> list[tuple[dict[str, object], Outcome]]:
    with tempfile.TemporaryDirectory() as folder, CaseRun(case, addresses, tool, Path(folder)) as run:
        return list(run.outcomes(skipped="pk"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("cases", nargs="+", help="names, such as topics-list")
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--zookeeper", required=True)
    parser.add_argument("--logdir", help="the broker's log directory, for cases that look into it")
    parser.add_argument("--older", type=Path)
    parser.add_argument("--source", default="Apache Kafka 3.9.1 (ZooKeeper mode)")
    options = parser.parse_args()
    addresses = Addresses(options.bootstrap, options.zookeeper, options.logdir)
    for name in options.cases:
        case = load_case(GOLDEN / f"{name}.yaml")
        outcomes = play(case, addresses, scripts(options.home))
        if options.older and any("kafka_broken" in step for step in case["steps"]):
            older = play(case, addresses, scripts(options.older))
            for (step, outcome), (_, past) in zip(outcomes, older, strict=True):
                outcome.older = past.stdout if "kafka_broken" in step else None
        write_golden(GOLDEN / f"{name}.golden", options.source, [(title(step), outcome) for step, outcome in outcomes])
        print(f"{name}: {len(outcomes)} steps")


if __name__ == "__main__":
    main()
