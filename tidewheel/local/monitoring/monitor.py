"""Watches one system from outside: its topics, its groups' progress, its predictor. Used by `run` and `watch`."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from tidewheel.domain.windows import Windowing
from tidewheel.local.clock import wall_ns
from tidewheel.local.monitoring.collector import Collector
from tidewheel.local.monitoring.observed import InstrumentState, ObservedSystem
from tidewheel.local.monitoring.predictor_client import PredictorClient
from tidewheel.local.monitoring.probe import Probe, ServedLog
from tidewheel.local.monitoring.progress import ProgressWatch
from tidewheel.local.monitoring.rates import Rates, Sample
from tidewheel.local.view.frame import Frame, ProcessStatus


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers and the predictor listen; `predictor` is empty where none does."""

    kafka: str
    redis: str
    predictor: str


class Monitor:
    """Collector, progress and probe of one system, and what they have found, under one lock.

    `instrument` None: the first one that shows itself. `windowing` None: as the training runs tell it.
    """

    def __init__(
        self,
        addresses: Addresses,
        served: ServedLog,
        log: logging.Logger,
        *,
        instrument: str | None = None,
        windowing: Windowing | None = None,
        read_examples: bool = False,
    ) -> None:
        self.lock = threading.Lock()
        self.observed = ObservedSystem()
        self.served = served
        self.rates = Rates()
        self._name = instrument
        self._windowing = windowing
        self.collector = Collector(addresses.kafka, self.observed, self.lock, log, read_examples=read_examples)
        self.progress = ProgressWatch(addresses.kafka, log)
        self._client = PredictorClient(addresses.predictor)
        asked = self.name if addresses.predictor else lambda: None
        self.probe = Probe(self._client, asked, self.newest_published, served, log)

    def start(self) -> None:
        """Begin to watch. Raises KafkaException where the broker does not answer; may be tried again."""
        self.collector.assign()
        for part in (self.collector, self.progress, self.probe):
            part.background.start()

    def check(self) -> None:
        """Raises what a watching thread has raised."""
        for part in (self.collector, self.progress, self.probe):
            part.background.check()

    def close(self) -> None:
        self.probe.background.close()
        self.progress.close()
        self.collector.close()
        self._client.close()

    def name(self) -> str | None:
        """The instrument that is watched."""
        if self._name is None:
            with self.lock:
                self._name = next(iter(self.observed.instruments), None)
        return self._name

    def instrument(self) -> InstrumentState | None:
        """What is known of it; to be read under the lock."""
        return self.observed.instruments.get(self._name) if self._name else None

    def newest_published(self, name: str) -> int:
        """The window of the newest published model, 0 for none."""
        with self.lock:
            found = self.observed.instruments.get(name)
            run = found.runs.newest_published() if found else None
            return run.seq if run else 0

    def served_models(self) -> dict[int, int]:
        """Window -> wall clock of the first reply that named its model, of the watched instrument."""
        return {seq: at_ns for (name, seq), at_ns in self.served.all().items() if name == self._name}

    def sample(self, now_s: float) -> None:
        """Note the counts for the rates."""
        with self.lock:
            if found := self.instrument():
                self.rates.take(Sample(now_s, found.market.ticks, found.market.second, found.orders.examples))

    def frame(
        self, title: str, footer: str, up_s: float, processes: Sequence[ProcessStatus], news: Sequence[str]
    ) -> Frame:
        """One frame of the view; to be drawn under the lock, since it holds what the collector fills."""
        found = self.instrument()
        dead_letters = self.observed.last_dead_letters
        last = f"{dead_letters[-1].source} {dead_letters[-1].offset}: {dead_letters[-1].reason}" if dead_letters else ""
        return Frame(
            title=title,
            footer=footer,
            now_ns=wall_ns(),
            up_s=up_s,
            instrument=found,
            windowing=self._windowing or (found.runs.windowing() if found else None),
            rates=self.rates,
            progress=self.progress.latest,
            processes=processes,
            predictions=list(self.probe.recent),
            predictor_error=self.probe.last_error,
            served=self.served_models(),
            dead_letters=self.observed.dead_letters,
            last_dead_letter=last,
            news=news,
        )
