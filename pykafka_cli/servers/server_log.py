"""The log of one server of `pk up` that runs in its own process.

DIR/logs/broker-1.log      the newest lines last
DIR/logs/broker-1.log.1    older lines, up to .10
"""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from pykafka_cli.servers.log_output import KEPT, LIMIT_BYTES, LINE, LogOutput


class ServerLog(LogOutput, RotatingFileHandler):
    """Writes everything that is logged to the file; raises OSError if it cannot be written."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        RotatingFileHandler.__init__(self, path, maxBytes=LIMIT_BYTES, backupCount=KEPT, encoding="utf-8")
        self.setFormatter(logging.Formatter(LINE))
