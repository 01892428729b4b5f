"""Options that several commands share, so that they are spelled and explained alike."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.market import check_instrument
from tidewheel.registry.redis_access import RedisAccess, access_faults
from tidewheel.runtime.kafka_access import KafkaAccess
from tidewheel.runtime.kafka_settings import KafkaSettings
from tidewheel.runtime.process import settings_of
from tidewheel.runtime.settings import SettingsError

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


class SettingsUsageError(TidewheelError, click.UsageError):
    """What stands in the environment cannot be used."""


def kafka_at(bootstrap: str) -> KafkaAccess:
    """A Kafka there, with what the environment says of how to get in. Raises SettingsUsageError."""
    try:
        return replace(settings_of(KafkaSettings).kafka_access, bootstrap=bootstrap)
    except SettingsError as failure:
        raise SettingsUsageError(str(failure)) from None


def redis_at(url: str) -> RedisAccess:
    """A Redis there, in the same way. Raises SettingsUsageError; BadParameter where it is no URL of Redis."""
    # Only here: a client of Redis takes longer to load than all that may refuse a command line.
    from tidewheel.registry.client import checked_url
    from tidewheel.registry.settings import REDIS_VARIABLES, RegistrySettings

    try:
        access = replace(settings_of(RegistrySettings).redis_access, url=checked_url(url))
        faults = list(access_faults(access, *REDIS_VARIABLES))
    except SettingsError as failure:
        raise SettingsUsageError(str(failure)) from None
    except ValueError as failure:
        raise click.BadParameter(str(failure), param_hint="--redis") from None
    if faults:
        raise SettingsUsageError("; ".join(faults))
    return access


def kafka_option(command: F) -> F:
    """Adds `--kafka`, handed over as `kafka`: a running broker, with what the environment says of how to get in."""
    return click.option(
        "--kafka",
        metavar="ADDRESS",
        envvar="TIDEWHEEL_KAFKA",
        default=KAFKA_DEFAULT,
        callback=lambda _, __, bootstrap: kafka_at(bootstrap),
        show_default=True,
        show_envvar=True,
        help="Bootstrap address of the Kafka broker.",
    )(command)


def redis_option(command: F) -> F:
    """Adds `--redis`, handed over as `redis`: a running Redis, in the same way."""
    return click.option(
        "--redis",
        metavar="URL",
        envvar="TIDEWHEEL_REDIS",
        default=REDIS_DEFAULT,
        callback=lambda _, __, url: redis_at(url),
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
