"""A flush as a plan: made by the log's own thread, carried out by any, so that fsync never holds up the loop."""

from pykafka_cli.broker.log.files import File, Files


class FlushPlan:
    """Handles and files to sync; when `run` has returned, everything below `up_to` is on the device."""

    def __init__(self, files: Files, directory: str, handles: list[File], paths: list[str], up_to: int) -> None:
        self._files = files
        self._directory = directory
        self._handles = handles
        self._paths = paths
        self.up_to = up_to

    def run(self) -> None:
        """Sync. raises OSError: what can be read may then be lost all the same, so the log must not be used on."""
        try:
            for handle in self._handles:
                handle.sync()
        finally:
            for handle in self._handles:
                handle.close()
        for path in self._paths:
            if self._files.exists(path):
                file = self._files.open(path)
                try:
                    file.sync()
                finally:
                    file.close()
        if self._handles or self._paths:
            self._files.sync_directory(self._directory)
