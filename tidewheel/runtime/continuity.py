"""What a service does about records that repeat or are missing: it counts each, and says so once a stretch of them."""

import logging
from collections import Counter

from tidewheel.domain.continuity import Arrival, Counts
from tidewheel.telemetry import metrics
from tidewheel.telemetry.logs import of_record

# So many stretches of an instrument are logged one by one, then the 100th, the 1000th, …
LOGGED_EACH_MAX = 10


class ContinuityMonitor:
    """The breaks that one service meets on one topic. `level`: WARNING, or less where a repeat is by design."""

    def __init__(self, service: str, topic: str, level: int = logging.WARNING) -> None:
        self._topic = topic
        self._level = level
        self._log = logging.getLogger(service)
        # Made now, so that a reader of metrics sees 0 and not nothing.
        self._repeated = metrics.RECORDS_REPEATED.labels(service, topic)
        self._skipped = metrics.RECORDS_MISSING.labels(service, topic)
        self._stretches: Counter[str] = Counter()
        # Instrument -> what was due after its last break: where that is still due, no good record came in between.
        self._due: dict[str, tuple[str, int]] = {}

    def record(self, instrument: str, arrival: Arrival, partition: int, offset: int) -> None:
        """Count a record that is not the next, and say so where it begins a stretch."""
        self.count(arrival)
        goes_on = self._due.get(instrument) == (arrival.field, arrival.due)
        self._due[instrument] = arrival.field, arrival.due_after
        if goes_on:
            return
        self._stretches[instrument] += 1
        number = self._stretches[instrument]
        if number <= LOGGED_EACH_MAX or str(number).strip("0") == "1":
            template = "%s of %s, partition %d, offset %d: %s (stretch %d; repeats are passed over, all are counted)"
            values = (self._topic, instrument, partition, offset, arrival.summary(), number)
            fields = of_record(self._topic, partition, offset, instrument=instrument)
            self._log.log(self._level, template, *values, extra=fields)

    def count(self, arrival: Arrival) -> None:
        """Count only, for what is logged otherwise."""
        counts = Counts()
        counts.add(arrival)
        self._repeated.inc(counts.repeated)
        self._skipped.inc(counts.skipped)
