"""`pk export`: declarations as a file for `pk apply`."""

import sys
from typing import Any

from pykafka_cli.rules.export_forms import Export


def show_export(found: Export, *, is_json: bool, is_list: bool) -> None:
    """Print declarations to stdout. Remarks are comments there, or go to stderr if the format has no comments.

    is_list    whether they are separate resources, as kubectl lists them, rather than one document
    """
    sys.stdout.write(_text(found, is_json=is_json, is_list=is_list))
    if is_json or is_list:
        for remark in found.remarks:
            print(remark, file=sys.stderr)


def _text(found: Export, *, is_json: bool, is_list: bool) -> str:
    if is_json:
        from pykafka_cli.output.documents import as_json

        whole: Any = found.documents[0]
        if is_list:
            whole = {"apiVersion": "v1", "kind": "List", "items": found.documents}
        return as_json(whole)
    from pykafka_cli.rules.declarations.documents import write_documents

    return write_documents(found.documents, found.remarks)
