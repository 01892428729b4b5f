"""Options that several commands share, so that they are spelled and explained alike."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click

from tidewheel.domain.market import check_instrument

F = TypeVar("F", bound=Callable[..., Any])


class Parsed(click.ParamType):
    """A value parsed by a function that raises ValueError in words for people."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as failure:
            self.fail(str(failure), param, ctx)


class FiniteRange(click.FloatRange):
    """A range of numbers; `nan`, which is neither below nor above any bound, is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no number", param, ctx)
        return number


def option_text(value: Any) -> str:
    """A value as it can be typed again."""
    return str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")


KAFKA_DEFAULT = "127.0.0.1:9092"
REDIS_DEFAULT = "redis://127.0.0.1:6379/0"


def kafka_option(command: F) -> F:
    """Adds `--kafka`, handed over as `kafka`: the bootstrap address of a running broker."""
    return click.option(
        "--kafka",
        metavar="ADDRESS",
        envvar="TIDEWHEEL_KAFKA",
        default=KAFKA_DEFAULT,
        show_default=True,
        show_envvar=True,
        help="Bootstrap address of the Kafka broker.",
    )(command)


def redis_option(command: F) -> F:
    """Adds `--redis`, handed over as `redis`: the URL of a running Redis."""
    return click.option(
        "--redis",
        metavar="URL",
        envvar="TIDEWHEEL_REDIS",
        default=REDIS_DEFAULT,
        show_default=True,
        show_envvar=True,
        help="URL of the Redis that holds the models.",
    )(command)


# The type of every option and argument that takes an instrument id.
INSTRUMENT_ID = Parsed("id", check_instrument)

asked_instrument_option = click.option(
    "--instrument",
    type=INSTRUMENT_ID,
    default="sim:BTC-USD",
    show_default=True,
    help="Instrument id: feed and symbol, as in sim:BTC-USD.",
)
