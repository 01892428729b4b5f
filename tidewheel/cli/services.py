"""The five services as commands, the same as `python -m services.<name>`."""

from importlib import import_module

import click


def _service(name: str, does: str) -> click.Command:
    @click.command(
        name, help=f"{does}\n\nSettings come from TIDEWHEEL_* environment variables, which docs/settings.md lists."
    )
    @click.pass_context
    def command(ctx: click.Context) -> None:
        ctx.exit(import_module(f"services.{name}.__main__").main())

    return command


ingest = _service("ingest", "Read a feed and publish its market seconds on topic ticks.")
orderbot = _service("orderbot", "Place mock orders for each market second and publish them on topic orders.")
labeler = _service("labeler", "Resolve orders against the market and write transactions and examples, exactly once.")
trainer = _service("trainer", "Train and tune one model a window of examples and publish it to Redis.")
predictor = _service("predictor", "Serve predictions over gRPC, always by the newest verified model.")
