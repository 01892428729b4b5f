"""Looks at the registry again and again, and lets what has moved be followed.

What is read each time does not grow with the number of instruments (ADR 32): those whose pointers moved since the last
look, as the registry's own scripts mark them; some of all the others in turn, since others than our scripts may write
too; and some of the set of instruments. A notification only wakes the watcher sooner.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from services.predictor.metrics import record_registry_up, record_swap_failure
from services.predictor.models.follower import CopyStore, Follower
from services.predictor.models.model_slot import ModelSlots
from tidewheel.registry.limits import INSTRUMENTS_MAX
from tidewheel.registry.store import Notifications, Registry, RegistryUnavailableError, VerificationError
from tidewheel.registry.verify import VerificationFailure
from tidewheel.telemetry.tracing.tracer import NO_TRACES, Tracer

# Looked at each time, moved or not.
SWEPT_EACH = 1_000
# Marks are looked at again for so long, should the clock of Redis step back.
OVERLAP_US = 2_000_000
NOBODY = ""


class Watcher:
    """One thread runs it; `poll_once` is one look at the registry."""

    def __init__(
        self,
        registry: Registry,
        slots: ModelSlots,
        log: logging.Logger,
        *,
        poll_s: float = 1.0,
        on_model_loaded: Callable[[], None] = lambda: None,
        on_poll: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        copies: CopyStore | None = None,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self._registry = registry
        self._reader = registry.reader
        self._slots = slots
        self._log = log
        self._poll_s = poll_s
        self._on_poll = on_poll
        self._clock = clock
        self.follower = Follower(registry, slots, log, clock, on_model_loaded, copies, tracer)
        self._known: dict[str, None] = {}
        self._counted = (-1, -1)
        self._last_moved: set[str] = set()
        self._since_us: int | None = None
        self._cursor = 0
        self._sweeping: list[str] = []
        self._reported: set[VerificationFailure] = set()
        self._up: bool | None = None
        self._read_all = False

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set.

        No `Retry`: an outage neither ends nor delays the looks, which come each `poll_s` anyway and need no back-off.
        Only the wait between two of them goes without notifications then. Models that do not verify do wait by `Retry`
        (`follower.BACKOFF`), by whose pauses they are asked for again, since nothing may block the others meanwhile.
        """
        notifications: Notifications | None = None
        with ExitStack() as subscription:
            while not stop.is_set():
                self.poll_once()
                next_s = self._clock() + (0.0 if self._is_behind else self._poll_s)
                try:
                    notifications = notifications or subscription.enter_context(self._registry.notifications())
                    self._listen(notifications, next_s, stop)
                except RegistryUnavailableError:
                    subscription.close()
                    notifications = None
                    stop.wait(max(0.0, next_s - self._clock()))

    @property
    def _is_behind(self) -> bool:
        """Whether the next look should come at once: not all instruments were seen, or not all models loaded."""
        return self._up is True and (not self._read_all or self.follower.is_behind)

    def _listen(self, notifications: Notifications, until_s: float, stop: threading.Event) -> None:
        """Follow what is notified, until it is time for the next look."""
        while True:
            if names := notifications.wait(max(0.0, until_s - self._clock())):
                self._add_known(names)
                self.follower.poll(sorted(names), notified=True)
            if self._clock() >= until_s or stop.is_set():
                return

    def poll_once(self, notified: Iterable[str] = ()) -> None:
        """Look once; `notified`: instruments to try whatever the back-off."""
        self._on_poll()
        try:
            moved = self._moved()
            if changed := sorted({*notified, *(moved - self._last_moved)}):
                self._add_known(changed)
                self.follower.poll(changed, notified=True)
            self._last_moved = moved
            if part := list(dict.fromkeys([*moved, *self._discover(), *self._part()])):
                self.follower.poll(part)
            self.follower.audit()
            self._set_awaiting()
            self._record_registry_up(None)
        except RegistryUnavailableError as failure:
            self._record_registry_up(str(failure))

    def _moved(self) -> set[str]:
        """What moved since the last look and a little before. Before the first there is nothing to have moved since."""
        if self._since_us is None:
            self._since_us = self._reader.now_ns() // 1_000
        moved = self._reader.moved(self._since_us)
        self._since_us = moved.until_us - (OVERLAP_US if moved.all else 0)
        return set(moved.names)

    def _add_known(self, names: Iterable[str]) -> list[str]:
        """Those that were not known, as far as there is room for more."""
        fresh = [name for name in names if name not in self._known][: INSTRUMENTS_MAX - len(self._known)]
        self._known.update(dict.fromkeys(fresh))
        return fresh

    def _discover(self) -> list[str]:
        """Read some more of the set of instruments; those that are new."""
        try:
            part = self._reader.some_instruments(self._cursor)
        except VerificationError as failure:
            self._log_once(failure.reason, str(failure))
            self._read_all = True
            return []
        self._reported.discard(VerificationFailure.KEY)
        if part.invalid:
            self._log_once(
                VerificationFailure.INSTRUMENT, f"the set of instruments has {part.invalid} members that are none"
            )
        elif not part.cursor and not self._cursor:
            self._reported.discard(VerificationFailure.INSTRUMENT)
        self._cursor = part.cursor
        self._read_all = self._read_all or not part.cursor
        return self._add_known(part.names)

    def _log_once(self, reason: VerificationFailure, message: str) -> None:
        """Damage that is no instrument's own."""
        if reason not in self._reported:
            self._reported.add(reason)
            record_swap_failure(NOBODY, reason)
            self._log.error("%s; see `tidewheel models check`", message)

    def _part(self) -> list[str]:
        """The next instruments in turn, and those whose wait after a refusal is over."""
        if not self._sweeping:
            self._sweeping = list({**self._known, **dict.fromkeys(self._slots.instruments())})
        part, self._sweeping = self._sweeping[:SWEPT_EACH], self._sweeping[SWEPT_EACH:]
        return list(dict.fromkeys([*part, *self.follower.due()[:SWEPT_EACH]]))

    def _set_awaiting(self) -> None:
        """On a change only: there may be many."""
        serving = len(self._slots.instruments())
        if self._read_all and (len(self._known), serving) != self._counted:
            self._counted = len(self._known), serving
            self._slots.set_awaiting_model(frozenset(name for name in self._known if self._slots.get(name) is None))

    def _record_registry_up(self, failure: str | None) -> None:
        """On a change only."""
        up = failure is None
        record_registry_up(up)
        if up != self._up:
            if failure is not None:
                self._log.warning("%s; serving models serve on", failure)
            elif self._up is not None:
                self._log.info("the registry answers again")
            self._up = up
