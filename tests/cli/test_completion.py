"""Names of the cluster are completed."""

import os
import subprocess

from tests.running import PK, RunningCluster, pk


def test_topics_of_the_cluster_are_offered(cluster: RunningCluster) -> None:
    for name in ("completion-one", "completion-two"):
        created = pk("topics", "--bootstrap-server", cluster.bootstrap, "--create", "--topic", name)
        assert created.returncode == 0, created.stderr
    words = f"pk topics --bootstrap-server {cluster.bootstrap} --describe --topic completion-t"

    environment = {**os.environ, "_PK_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "6"}
    done = subprocess.run([PK], capture_output=True, text=True, check=True, env=environment)

    assert done.stdout.split() == ["completion-two"]
