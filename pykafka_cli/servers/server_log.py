"""What a server of `pk up` reports in its own process: a file, and up to ten older ones.

DIR/logs/broker-1.log      the newest last
DIR/logs/broker-1.log.1    older output, up to .10
"""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from pykafka_cli.servers.log_output import KEPT, LIMIT_BYTES, LINE, LogOutput


class ServerLog(LogOutput, RotatingFileHandler):
    """Everything that is logged; raises OSError if there can be no such file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        RotatingFileHandler.__init__(self, path, maxBytes=LIMIT_BYTES, backupCount=KEPT, encoding="utf-8")
        self.setFormatter(logging.Formatter(LINE))
