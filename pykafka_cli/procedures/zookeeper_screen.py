"""Where the ZooKeeper shell prints: answers, as documents if these were asked for, and all else beside them."""

import sys

from pykafka_cli.output import zookeeper_shell as text
from pykafka_cli.output.render import OutputFormat
from pykafka_cli.rules.zookeeper_shell import Call
from pykafka_cli.script.events import print_document


class Screen:
    """Results go to stdout; what the script prints there besides goes to stderr where results are documents."""

    def __init__(self, form: OutputFormat | None) -> None:
        self._form = form
        self.shows_documents = form is not None and form.is_document

    def answer(self, call: Call, script_text: str, **document: object) -> None:
        """What a command found or did: as the script prints it, or all there is to know."""
        if self.shows_documents:
            print_document({"command": call.words[0], **document}, self._form)
        else:
            sys.stdout.write(script_text)

    def event(self, state: str, kind: str, path: str | None) -> None:
        """A watch went off; without a path it is the session that changed."""
        if path is not None and self.shows_documents:
            print_document({"event": kind, "state": state, "path": path}, self._form)
        else:
            self.out(text.event(state, kind, path))
            sys.stdout.flush()

    def out(self, remark: str) -> None:
        """What the script prints to stdout beside an answer."""
        if self.shows_documents:
            self.err(remark)
        else:
            sys.stdout.write(remark)

    def err(self, remark: str) -> None:
        sys.stdout.flush()
        sys.stderr.write(remark)
        sys.stderr.flush()
