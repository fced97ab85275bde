"""kafkajs (npm) against our broker."""

import json
import subprocess
import uuid

from tests.support import peers
from tests.support.running import RunningCluster


def test_kafkajs_administers_produces_and_consumes_in_a_group(cluster: RunningCluster) -> None:
    node, folder = peers.kafkajs()
    topic, group = f"kafkajs-{uuid.uuid4().hex[:8]}", f"group-{uuid.uuid4().hex[:8]}"

    done = subprocess.run(
        [node, "group.js", cluster.bootstrap, topic, group, "50"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert sorted(result["read"]) == sorted([str(n), f"v{n}", "x"] for n in range(50))
    assert sum(result["committed"]) == 50
