"""kafka-delegation-tokens.sh: tokens in a table whose cells are padded and never cut."""

import base64
import datetime
from collections.abc import Sequence

from pykafka_cli.clients.admin.delegation_tokens import DelegationToken
from pykafka_cli.output.render import OutputFormat, Table, show

COLUMNS = ("TOKENID", "HMAC", "OWNER", "REQUESTER", "RENEWERS", "ISSUEDATE", "EXPIRYDATE", "MAXDATE")
WIDTHS = (15, 30, 15, 15, 25, 15, 15, 15)


def show_tokens(form: OutputFormat, tokens: Sequence[DelegationToken]) -> None:
    show(
        form,
        text=lambda: "".join(map(_row, (COLUMNS, *map(_cells, tokens)))),
        table=lambda: [Table(COLUMNS, list(map(_cells, tokens)), empty="No tokens.")],
        document=lambda: [
            {
                "token_id": each.id,
                "hmac": hmac_text(each.hmac),
                "owner": str(each.owner),
                "requester": str(each.requester),
                "renewers": list(map(str, each.renewers)),
                "issued_ms": each.issued,
                "expires_ms": each.expires,
                "ends_ms": each.ends,
            }
            for each in tokens
        ],
    )


def hmac_text(hmac: bytes) -> str:
    return base64.b64encode(hmac).decode()


def minute(milliseconds: int) -> str:
    """In the local time zone."""
    return datetime.datetime.fromtimestamp(milliseconds / 1000).strftime("%Y-%m-%dT%H:%M")


def _cells(token: DelegationToken) -> tuple[str, ...]:
    renewers = f"[{','.join(map(str, token.renewers))}]"
    times = map(minute, (token.issued, token.expires, token.ends))
    return (token.id, hmac_text(token.hmac), str(token.owner), str(token.requester), renewers, *times)


def _row(cells: Sequence[str]) -> str:
    return "\n" + " ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)) + "\n"
