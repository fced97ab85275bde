"""`pk config`: clusters by name."""

from pykafka_cli.clients.named_clusters import NamedClusters
from pykafka_cli.output.render import OutputFormat, Table, show


def show_clusters(form: OutputFormat, found: NamedClusters) -> None:
    """All clusters; the current one has a star."""
    clusters = sorted(found.clusters.items())
    rows = [
        ("*" if name == found.current else "", name, cluster.bootstrap_server, cluster.command_config or "")
        for name, cluster in clusters
    ]
    show(
        form,
        text=lambda: "".join("\t".join(row) + "\n" for row in rows),
        table=lambda: [Table(("", "NAME", "BOOTSTRAP SERVER", "COMMAND CONFIG"), rows, empty="")],
        document=lambda: [
            {
                "name": name,
                "is_current": name == found.current,
                "bootstrap_server": cluster.bootstrap_server,
                "command_config": cluster.command_config,
            }
            for name, cluster in clusters
        ],
    )
