"""Options that the console consumers share, for consumer groups and share groups."""

from typing import Annotated

import typer

WHAT, PRINTING, READING = "What to read", "Printing", "The consumer"
REMARK = "Option --{old} is deprecated and will be removed in a future version. Use --{new} instead."

Topic = Annotated[str | None, typer.Option("--topic", metavar="TOPIC", help="Topic to read.", rich_help_panel=WHAT)]

FormatterConfig = Annotated[
    str | None,
    typer.Option("--formatter-config", metavar="FILE", help="File of such properties.", rich_help_panel=PRINTING),
]

FormatterClass = Annotated[
    str,
    typer.Option(
        "--formatter", metavar="CLASS", help="Class name of one of Kafka's formatters.", rich_help_panel=PRINTING
    ),
]

KeyDeserializer = Annotated[
    str | None,
    typer.Option(
        "--key-deserializer",
        metavar="CLASS",
        help=(
            "Class name of one of Kafka's deserializers, such as "
            "org.apache.kafka.common.serialization.LongDeserializer."
        ),
        rich_help_panel=PRINTING,
    ),
]

ValueDeserializer = Annotated[
    str | None,
    typer.Option(
        "--value-deserializer",
        metavar="CLASS",
        help="Like --key-deserializer, for values.",
        rich_help_panel=PRINTING,
    ),
]

SystestEvents = Annotated[
    bool,
    typer.Option("--enable-systest-events", help="Print shutdown_complete before exiting.", rich_help_panel=PRINTING),
]

ConsumerProperty = Annotated[
    list[str] | None,
    typer.Option(
        "--consumer-property",
        "--command-property",
        metavar="KEY=VALUE",
        help="Consumer property; may be repeated.",
        rich_help_panel=READING,
    ),
]
