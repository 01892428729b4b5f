"""Watches one system from outside: its topics, its groups' progress, its predictor. Used by `run` and `watch`."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tidewheel.domain.windows import Windowing
from tidewheel.local.clock import wall_ns
from tidewheel.local.monitoring.collector import Collector
from tidewheel.local.monitoring.observed import InstrumentState, ObservedSystem
from tidewheel.local.monitoring.predictor_client import PredictorClient
from tidewheel.local.monitoring.probe import Probe, ServedLog
from tidewheel.local.monitoring.progress import ProgressWatch
from tidewheel.local.monitoring.rates import Rates, Sample
from tidewheel.local.view.frame import Frame, ProcessStatus
from tidewheel.registry.redis_access import RedisServer
from tidewheel.runtime.kafka_access import Broker

# How long the view shows one instrument before the next, where there are several.
INSTRUMENT_SHOWN_S = 8.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers and the predictor listen; `predictor` is empty where none does."""

    kafka: Broker
    redis: RedisServer
    predictor: str


class Monitor:
    """Collector, progress and probe of one system, and what they have found, under one lock.

    `instrument` None: all that show themselves, of which the view has each in turn. `windowing` None: as the training
    runs tell it.
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
        self._rates: dict[str, Rates] = {}
        self._fixed = instrument
        self._shown = 0
        self._windowing = windowing
        self.collector = Collector(addresses.kafka, self.observed, self.lock, log, read_examples=read_examples)
        self.progress = ProgressWatch(addresses.kafka, log)
        self._client = PredictorClient(addresses.predictor)
        asked = self.names if addresses.predictor else list
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

    def names(self) -> list[str]:
        """The instruments that are watched."""
        with self.lock:
            return self._names()

    def _names(self) -> list[str]:
        return [self._fixed] if self._fixed is not None else sorted(self.observed.instruments)

    def instruments(self) -> list[InstrumentState]:
        """What is known of those watched; to be read under the lock."""
        return [found for name in self._names() if (found := self.observed.instruments.get(name))]

    def newest_published(self, name: str) -> int:
        """The window of the newest published model, 0 for none."""
        with self.lock:
            found = self.observed.instruments.get(name)
            run = found.runs.newest_published() if found else None
            return run.seq if run else 0

    def served_models(self, instrument: str) -> dict[int, int]:
        """Window -> wall clock of the first reply that named its model."""
        return {seq: at_ns for (name, seq), at_ns in self.served.all().items() if name == instrument}

    def sample(self, now_s: float) -> None:
        """Note the counts for the rates, and whose turn it is to be shown."""
        self._shown = int(now_s // INSTRUMENT_SHOWN_S)
        with self.lock:
            for found in self.instruments():
                sample = Sample(now_s, found.market.ticks, found.market.second, found.orders.examples)
                self._rates.setdefault(found.name, Rates()).take(sample)

    def frame(
        self, title: str, footer: str, up_s: float, processes: Sequence[ProcessStatus], messages: Sequence[str]
    ) -> Frame:
        """One frame of the view; to be drawn under the lock, since it holds what the collector fills."""
        with self.lock:
            instruments = self.instruments()
        frames = [self._frame(found, title, footer, up_s, processes, messages) for found in instruments]
        if not frames:
            return self._frame(None, title, footer, up_s, processes, messages)
        shown = self._shown % len(frames)
        return replace(frames[shown], every=frames) if len(frames) > 1 else frames[0]

    def _frame(
        self,
        found: InstrumentState | None,
        title: str,
        footer: str,
        up_s: float,
        processes: Sequence[ProcessStatus],
        messages: Sequence[str],
    ) -> Frame:
        dead_letters = self.observed.last_dead_letters
        last = f"{dead_letters[-1].source} {dead_letters[-1].offset}: {dead_letters[-1].reason}" if dead_letters else ""
        name = found.name if found else ""
        return Frame(
            title=title,
            footer=footer,
            now_ns=wall_ns(),
            up_s=up_s,
            instrument=found,
            windowing=self._windowing or (found.runs.windowing() if found else None),
            rates=self._rates.get(name, Rates()),
            progress=self.progress.latest,
            processes=processes,
            predictions=self.probe.recent(name),
            predictor_error=self.probe.last_error,
            served=self.served_models(name),
            dead_letters=self.observed.dead_letters,
            last_dead_letter=last,
            messages=messages,
        )
