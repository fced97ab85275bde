"""Takes the pictures of docs/ui.md: a cluster with something in it, its pages in Chromium.

python -m docs.ui_pictures        writes docs/ui-*.png
"""

import json
import random
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.chromium import Browser, chromium
from tests.support.polling import until
from tests.support.running import PK, RunningCluster, pk
from tests.support.ui_process import UiProcess

DOCS = Path(__file__).parent
TOPICS = {"orders": 6, "payments": 3, "clicks": 12, "audit": 1}
WIDTH, LEAST_HEIGHT, MOST_HEIGHT = 1000, 400, 1150
AUTHORIZER = (
    "--override", "authorizer.class.name=kafka.security.authorizer.AclAuthorizer",
    "--override", "super.users=User:ANONYMOUS",
)  # fmt: skip
ACLS = (
    ("--allow-principal", "User:alice", "--producer", "--topic", "orders"),
    ("--allow-principal", "User:bob", "--consumer", "--topic", "orders", "--group", "billing"),
    ("--deny-principal", "User:mallory", "--operation", "All", "--topic", "pay", "--resource-pattern-type", "prefixed"),
)


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = RunningCluster(folder / "data", extra=("--brokers", "3", *AUTHORIZER))
        stack.callback(cluster.stop)
        page = UiProcess(folder, cluster.bootstrap, "--allow-changes")
        stack.callback(page.stop)
        fill(cluster)
        browser = stack.enter_context(chromium(folder / "profile"))
        take_all(browser, page.url, cluster)


# ---- the cluster


def fill(cluster: RunningCluster) -> None:
    at = ("--bootstrap-server", cluster.bootstrap)
    for topic, partitions in TOPICS.items():
        run("topics", *at, "--create", "--topic", topic, "--partitions", str(partitions), "--replication-factor", "3")
    chance = random.Random(7)
    for topic, records in (("orders", 4000), ("payments", 1500), ("clicks", 9000), ("audit", 120)):
        send(cluster, topic, (order(chance, number) for number in range(records)))
    for acl in ACLS:
        run("acls", *at, "--add", *acl)


def order(chance: random.Random, number: int) -> str:
    """A line of headers, key and value for console-producer."""
    customer = int(chance.paretovariate(1.2)) % 200
    value = {"order": number, "customer": customer, "total": round(chance.uniform(5, 90), 2)}
    return f"trace:{chance.getrandbits(32):08x}\tcustomer-{customer}\t{json.dumps(value)}\n"


def send(cluster: RunningCluster, topic: str, lines: Iterator[str]) -> None:
    keyed = ("--property", "parse.key=true", "--property", "parse.headers=true")
    run("console-producer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, *keyed, stdin="".join(lines))


@contextmanager
def consumers(cluster: RunningCluster, names: str) -> Iterator[None]:
    """Members of the group billing, by their client ids."""
    words = ("--bootstrap-server", cluster.bootstrap, "--topic", "orders", "--group", "billing", "--from-beginning")
    started = [
        subprocess.Popen(
            [PK, "console-consumer", *words, "--consumer-property", f"client.id={name}"], stdout=subprocess.DEVNULL
        )
        for name in names.split()
    ]
    try:
        yield
    finally:
        for each in started:
            each.terminate()
            each.wait()


def run(*words: str, stdin: str = "") -> None:
    done = pk(*words, stdin=stdin)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- the pictures


def take_all(browser: Browser, url: str, cluster: RunningCluster) -> None:
    at = ("--data-dir", str(cluster.data_dir))
    browser.prefer("light")
    with consumers(cluster, "mira-1 mira-2 mira-3"):
        browser.resize(WIDTH, LEAST_HEIGHT)
        browser.open(f"{url}group?name=billing")
        browser.sees("document.querySelectorAll('.brokers .card').length === 3")
        browser.sees("document.querySelector('main').innerText.includes('Stable')")
        chance = random.Random(9)
        for round_ in range(5):
            send(cluster, "orders", (order(chance, 4000 + round_ * 300 + number) for number in range(300)))
        take(browser, "group")
        browser.open(f"{url}topic?name=orders")
        browser.sees("document.querySelector('#readers')?.innerText.includes('billing')")
        take(browser, "topic")
        browser.resize(390, LEAST_HEIGHT)
        browser.open(f"{url}topic?name=orders")
        browser.sees("document.querySelector('#readers')?.innerText.includes('billing')")
        take(browser, "telephone", 390)
    browser.open(f"{url}messages?topic=orders&from=newest&limit=8&key=customer-1")
    browser.sees("document.querySelectorAll('#rows tr').length === 8")
    take(browser, "messages")
    browser.open(f"{url}acls")
    take(browser, "acls")
    browser.open(f"{url}segments?topic=orders&partition=0&broker=0")
    take(browser, "segments")
    browser.open(f"{url}znodes?path=/brokers/ids/1")
    take(browser, "znodes", 1200)
    browser.prefer("dark")
    browser.open(url)
    browser.sees("document.querySelectorAll('.brokers .card').length === 3")
    run("broker", "kill", "2", *at)
    browser.sees("document.querySelector('main').innerText.includes('broker 2 is down')")
    until(lambda: "12 without" not in browser.text("main"), "leaders have moved")
    take(browser, "brokers")


def take(browser: Browser, name: str, width: int = WIDTH) -> None:
    """The whole page, if it is not too long."""
    browser.resize(width, LEAST_HEIGHT)
    height = int(browser.evaluate("document.documentElement.scrollHeight"))
    browser.resize(width, min(max(height, LEAST_HEIGHT), MOST_HEIGHT))
    (DOCS / f"ui-{name}.png").write_bytes(browser.picture())


if __name__ == "__main__":
    main()
