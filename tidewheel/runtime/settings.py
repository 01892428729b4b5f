"""Settings of a service: a frozen dataclass, filled once from `TIDEWHEEL_*` environment variables."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
PREFIX = "TIDEWHEEL_"


class BadSettings(Exception):
    """One or more settings cannot be used; the message has a line for each."""


def setting(parse: Callable[[str], Any], default: Any = dataclasses.MISSING, *, secret: bool = False) -> Any:
    """A field of a settings class. `parse` turns text into the value and raises ValueError saying what is allowed."""
    metadata = {"parse": parse, "secret": secret}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def load(settings: type[T], environ: Mapping[str, str]) -> T:
    """Fill a settings class; field `x_y` is TIDEWHEEL_X_Y. Raises BadSettings naming every fault at once."""
    values: dict[str, Any] = {}
    faults: list[str] = []
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        name = PREFIX + field.name.upper()
        text = environ.get(name)
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
    raise BadSettings("\n".join(faults))


def described(settings: Any) -> str:
    """All values on one line for the log, secrets masked."""
    pairs = ((field, getattr(settings, field.name)) for field in dataclasses.fields(settings))
    return " ".join(f"{f.name}={'***' if value and f.metadata.get('secret') else value}" for f, value in pairs)


def text(value: str) -> str:
    """Any text."""
    return value


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number from `low` to `high`."""

    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"{value!r} must be a whole number from {low} to {high}")
        return number

    return parse


def decimal(low: float, high: float) -> Callable[[str], float]:
    """A number from `low` to `high`."""

    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise ValueError(f"{value!r} must be a number from {low:g} to {high:g}")
        return number

    return parse


def one_of(*allowed: str) -> Callable[[str], str]:
    """One word of a few."""

    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"{value!r} must be one of {', '.join(allowed)}")
        return value

    return parse


def name(value: str) -> str:
    """A word that may stand in a client's name, or nothing."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,100}", value):
        raise ValueError(f"{value!r} must be letters, digits, dots, dashes and underscores")
    return value


def switch(value: str) -> bool:
    """A yes or no."""
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if value.lower() not in known:
        raise ValueError(f"{value!r} must be true or false")
    return known[value.lower()]


# How much a service says; `logging` itself would end a service that is told anything else.
level = one_of("DEBUG", "INFO", "WARNING", "ERROR")
