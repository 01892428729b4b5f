"""Settings of a service: a frozen dataclass, filled once from `TIDEWHEEL_*` environment variables.

Each field says what it means and which values it takes; `docs/settings.md` is made of that.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tidewheel.domain.errors import TidewheelError

T = TypeVar("T")
PREFIX = "TIDEWHEEL_"


class SettingsError(TidewheelError):
    """One or more settings cannot be used; the message has a line for each."""


@dataclass(frozen=True, slots=True)
class Parser(Generic[T]):
    """Turns text into a value, and raises ValueError saying what is allowed. `allowed`: the same for the documents."""

    parse: Callable[[str], T]
    allowed: str

    def __call__(self, value: str) -> T:
        return self.parse(value)


def setting(
    parse: Parser[Any],
    default: Any = dataclasses.MISSING,
    *,
    meaning: str,
    unit: str = "",
    secret: bool = False,
    may_be_empty: bool = True,
) -> Any:
    """A field of a settings class. `unit`: of the value, where it has one. `may_be_empty`: set to nothing is as not
    set; else it is a fault."""
    metadata = {"parse": parse, "meaning": meaning, "unit": unit, "secret": secret, "may_be_empty": may_be_empty}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def load(settings: type[T], environ: Mapping[str, str]) -> T:
    """Fill a settings class; field `x_y` is TIDEWHEEL_X_Y. Raises SettingsError naming every fault at once."""
    values: dict[str, Any] = {}
    faults: list[str] = []
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        name = PREFIX + field.name.upper()
        text = environ.get(name)
        if text == "" and not field.metadata["may_be_empty"]:
            faults.append(f"{name} is set and empty: give it a value, or do not set it")
        if text is None or text == "":
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                faults.append(f"{name} is not set")
            continue
        try:
            values[field.name] = field.metadata["parse"](text)
        except ValueError as failure:
            faults.append(f"{name}: {failure}")
    if not faults:
        try:
            return settings(**values)
        except ValueError as failure:  # a rule over several fields, from __post_init__
            faults.append(str(failure))
    raise SettingsError("\n".join(faults))


def described(settings: Any) -> str:
    """All values on one line for the log, secrets masked."""
    pairs = ((field, getattr(settings, field.name)) for field in dataclasses.fields(settings))
    return " ".join(f"{f.name}={'***' if value and f.metadata.get('secret') else value}" for f, value in pairs)


text = Parser(str, "text")


def whole(low: int, high: int) -> Parser[int]:
    """A whole number from `low` to `high`."""

    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"{value!r} must be a whole number from {low} to {high}")
        return number

    return Parser(parse, f"whole number from {low:,} to {high:,}")


def decimal(low: float, high: float) -> Parser[float]:
    """A number from `low` to `high`."""

    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise ValueError(f"{value!r} must be a number from {low:g} to {high:g}")
        return number

    return Parser(parse, f"number from {low:g} to {high:g}")


def one_of(*allowed: str) -> Parser[str]:
    """One word of a few."""

    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"{value!r} must be one of {', '.join(allowed)}")
        return value

    return Parser(parse, ", ".join(f"`{word}`" for word in allowed))


def _name(value: str) -> str:
    """A word that may stand in a client's name, or nothing."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,100}", value):
        raise ValueError(f"{value!r} must be letters, digits, dots, dashes and underscores")
    return value


def _switch(value: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if value.lower() not in known:
        raise ValueError(f"{value!r} must be true or false")
    return known[value.lower()]


name = Parser(_name, "letters, digits, dots, dashes and underscores, at most 100")
switch = Parser(_switch, "`true`, `false`")

# How much a service says; `logging` itself would end a service that is told anything else.
level = one_of("DEBUG", "INFO", "WARNING", "ERROR")


def metrics_port_setting(default: int) -> Any:
    """The field that every service has, each with a port of its own."""
    return setting(whole(0, 65_535), default, meaning="Port of `/live`, `/ready` and `/metrics`; 0 takes a free one.")


def metrics_host_setting() -> Any:
    """The field that every service has."""
    return setting(
        text, "127.0.0.1", meaning="Address that these listen on; `0.0.0.0` where they are read from elsewhere."
    )


def log_level_setting() -> Any:
    """The field that every service has."""
    return setting(level, "INFO", meaning="How much is logged.")


def instance_setting(default: str, *, meaning: str) -> Any:
    """The field of a service that may keep its place in a group over a restart."""
    return setting(name, default, meaning=meaning)


def session_timeout_setting() -> Any:
    """The field of a service that is a member of a group."""
    return setting(
        decimal(1, 300),
        6.0,
        unit="s",
        meaning="After a kill, when the broker gives the partitions of this process away.",
    )
