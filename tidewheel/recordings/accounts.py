"""What became of the rows of a recording of several instruments: of each, and of all together."""

from collections.abc import Iterable, Mapping
from typing import Any

from tidewheel.recordings.account import Account
from tidewheel.recordings.quotes import RawBatch, TickBatch
from tidewheel.recordings.validator import Validator

COUNTS = ("rows", "ticks", "rejected", "other_instruments")


class Accounts:
    """Judges the batches of each instrument, in their order, and keeps account. `each` is empty where there is one."""

    def __init__(self) -> None:
        self.total = Account()
        self.each: dict[str, Account] = {}
        self._validators: dict[str, Validator] = {}

    def take(self, name: str, batch: RawBatch) -> TickBatch:
        """The ticks of a batch; "" names the only instrument."""
        ticks = self._validators.setdefault(name, Validator()).ticks(batch)
        self.total.on_ticks(ticks)
        if name:
            self.each.setdefault(name, Account()).on_ticks(ticks)
        return ticks


def total_of(accounts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What `Account.as_dict` gave of several, as one: the counts alone."""
    kept = list(accounts)
    return {name: sum(one[name] for one in kept) for name in COUNTS} | {"by_reason": {}, "anomalies": {}}
