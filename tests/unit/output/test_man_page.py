"""Manual pages, as `man` reads them."""

from pykafka_cli.output.man_page import ManualPage, roff


def test_a_page_has_its_sections_and_nothing_in_it_is_a_request() -> None:
    page = ManualPage(
        "pk-topics",
        "Create topics.",
        "pk topics {one|two}",
        "Print what\nis there.\n\n\b\nSee:\n  pk topics --list",
        {"Which": [("--topic NAME", r".dots and \n are text")]},
    )

    assert roff(page, "1.0") == (
        '.TH PK\\-TOPICS 1 "" "pk 1.0" "pk"\n'
        ".ad l\n.SH NAME\npk\\-topics \\- Create topics.\n"
        ".SH SYNOPSIS\npk topics {one|\\:two}\n"
        ".SH DESCRIPTION\n.PP\nPrint what is there.\n.PP\n.nf\nSee:\n  pk topics \\-\\-list\n.fi\n"
        '.SH "WHICH"\n.TP\n.B \\-\\-topic NAME\n\\&.dots and \\en are text\n'
    )
