"""Kept examples of records: where they lie, how they are decoded, and how a value reads as JSON."""

import dataclasses
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from tidewheel.contracts.codecs import labeler_state, market, models, orders, predictions, training

FOLDER = Path(__file__).parent / "examples"
# The last part of an example's name -> encoder, decoder.
CODECS: dict[str, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    name: (getattr(module, f"encode_{name}"), getattr(module, f"decode_{name}"))
    for module, names in (
        (market, ("second", "feed_status", "dead_letter")),
        (orders, ("orders", "transaction", "example")),
        (labeler_state, ("frontier", "snapshot", "state")),
        (training, ("run_event",)),
        (predictions, ("prediction",)),
        (models, ("model", "model_record")),
    )
    for name in names
}


def plain(value: Any) -> Any:
    """A value as JSON knows it: bytes in hex, enumerations by name, columns as lists."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, Enum):
        return value.name
    return value.hex() if isinstance(value, bytes) else value


def differences(kept: Any, now: Any, at: str = "") -> list[str]:
    """Where a value says something else than it did; fields that came since are free."""
    if isinstance(kept, dict) and isinstance(now, dict):
        return [d for key in kept for d in differences(kept[key], now.get(key, "(gone)"), f"{at}.{key}")]
    return [] if kept == now else [f"{at[1:]} was {kept!r}, is {now!r}"]
