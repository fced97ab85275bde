"""kafka-delegation-tokens.sh: tokens in a table whose cells are padded and never cut."""

import base64
import datetime
from collections.abc import Sequence

from pykafka_cli.acls import Principal
from pykafka_cli.clients.admin.delegation_tokens import DelegationToken
from pykafka_cli.output.render import OutputFormat, Table, notice, show

COLUMNS = ("TOKENID", "HMAC", "OWNER", "REQUESTER", "RENEWERS", "ISSUEDATE", "EXPIRYDATE", "MAXDATE")
WIDTHS = (15, 30, 15, 15, 25, 15, 15, 15)


def show_creating(form: OutputFormat, renewers: Sequence[Principal], lifetime_ms: int) -> None:
    notice(
        form,
        f"Calling create token operation with renewers :{_listed(renewers)} , max-life-time-period :{lifetime_ms}",
    )


def show_created(form: OutputFormat, token: DelegationToken) -> None:
    notice(form, f"Created delegation token with tokenId : {token.id}")
    show_tokens(form, [token])


def show_changing(form: OutputFormat, name: str, hmac: str, option: str, period_ms: int) -> None:
    """name    renew or expire"""
    notice(form, f"Calling {name} token operation with hmac :{hmac} , {option} :{period_ms}")


def show_expiry(form: OutputFormat, name: str, expiry: int) -> None:
    """The script leaves the line open."""
    line = f"Completed {name} operation. New expiry date : {minute(expiry)}"
    show(form, text=lambda: line, table=lambda: [line], document=lambda: {"expires_ms": expiry})


def show_describing(form: OutputFormat, owners: Sequence[Principal]) -> None:
    whose = f"owners: {_listed(owners)}" if owners else "current user."
    notice(form, f"Calling describe token operation for {whose}")


def show_described(form: OutputFormat, tokens: Sequence[DelegationToken]) -> None:
    if form is OutputFormat.KAFKA:
        print(f"Total number of tokens : {len(tokens)}", end="")
    show_tokens(form, tokens)


def _listed(principals: Sequence[Principal]) -> str:
    return f"[{', '.join(map(str, principals))}]"


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
    """A time in the local zone, to the minute."""
    return datetime.datetime.fromtimestamp(milliseconds / 1000).strftime("%Y-%m-%dT%H:%M")


def _cells(token: DelegationToken) -> tuple[str, ...]:
    renewers = f"[{','.join(map(str, token.renewers))}]"
    times = map(minute, (token.issued, token.expires, token.ends))
    return (token.id, hmac_text(token.hmac), str(token.owner), str(token.requester), renewers, *times)


def _row(cells: Sequence[str]) -> str:
    return "\n" + " ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)) + "\n"
