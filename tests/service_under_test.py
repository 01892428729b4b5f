"""A service under test, whichever it is: stepped by the test, on a thread of the test, or in a process of its own; and
what it reads and writes on a broker."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, Self, TypeVar

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from tests.waiting import LIMIT_S, Deadline, eventually
from tidewheel.local.processes.subprocesses import free_port, kill_group, start
from tidewheel.runtime.health import Health
from tidewheel.runtime.kafka import consumer_config, flush, partitions_of, producer_config, read_to_end
from tidewheel.runtime.process import Context

P, T = ParamSpec("P"), TypeVar("T")
KeyAndValue = tuple[str | bytes | None, bytes | None]


# ---- stepped by the test ----


def context_of(service: str) -> Context:
    """What a service's own main would be given."""
    return Context(logging.getLogger(service), Health(service), threading.Event())


def step_until(step: Callable[[], object], done: Callable[[], bool], poll_every_s: float = 0.0) -> None:
    """Step a loop until something is so, asking after each step or more seldom. Raises AssertionError after LIMIT_S."""
    deadline = Deadline()
    while not done():
        deadline.check("what the service is stepped for")
        next_s = time.monotonic() + poll_every_s
        step()
        while time.monotonic() < next_s:
            step()


@contextmanager
def starting(start: Callable[P, T], close: Callable[[T], object]) -> Iterator[Callable[P, T]]:
    """Starts services; all are closed in the end, the first first."""
    made: list[T] = []

    def begin(*arguments: P.args, **named: P.kwargs) -> T:
        made.append(start(*arguments, **named))
        return made[-1]

    try:
        yield begin
    finally:
        for one in made:
            close(one)


# ---- on a thread of the test ----


class ServiceThread:
    """A service that runs until it is ended or fails; `failure` is what it raised."""

    def __init__(self, run: Callable[[Context], object], context: Context) -> None:
        self.failure: Exception | None = None
        self._stop = context.stop
        self._thread = threading.Thread(target=self._run, args=(run, context), daemon=True)
        self._thread.start()

    def _run(self, run: Callable[[Context], object], context: Context) -> None:
        try:
            run(context)
        except Exception as failure:
            self.failure = failure

    def stop(self) -> None:
        """Ask it to end, as a signal does."""
        self._stop.set()

    def end(self) -> None:
        """As SIGTERM ends it. Raises what it raised."""
        self.stop()
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive()
        if self.failure is not None:
            raise self.failure


# ---- in a process of its own ----


class ServiceProcess:
    """A running process, told by its environment alone; killed at the latest when left."""

    def __init__(self, service: str, folder: Path, program: Iterable[str] = (), **environment: str) -> None:
        self.log = folder / f"{service}.log"
        self._port = free_port()
        settings = {"METRICS_PORT": str(self._port), **environment}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIDEWHEEL_")}
        env = {**inherited, **{f"TIDEWHEEL_{name}": value for name, value in settings.items()}}
        command = [sys.executable, *(program or ("-m", f"services.{service}"))]
        self.process: subprocess.Popen[bytes] = start(command, self.log, env)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        kill_group(self.process)
        self.process.wait()

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_S)

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=LIMIT_S) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def metric(self, name: str) -> float:
        """Sum of a metric over its labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=LIMIT_S) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + "{"))

    def await_ready(self) -> Self:
        eventually(lambda: self.answers("/ready") or self.process.poll() is not None, f"{self.log.stem} is ready")
        assert self.process.poll() is None, self.log.read_text()
        return self


# ---- what it reads and writes ----


def produce(broker: str, topic: str, records: Iterable[KeyAndValue], partition: int | None = None) -> None:
    """Write records, by their keys where no partition is given, and wait until they are there."""
    producer = Producer(producer_config(broker, "test"))
    for key, value in records:
        producer.produce(topic, value, key, **({} if partition is None else {"partition": partition}))
    flush(producer)


def written(broker: str, topic: str, partition: int) -> list[bytes]:
    """The values of a partition, committed ones."""
    return [message.value() or b"" for message in read_to_end(broker, topic, {partition: 0})]


def committed(broker: str, group: str, topic: str) -> dict[int, int]:
    """Partition -> committed offset of a group; partitions without one are left out."""
    consumer = Consumer(consumer_config(broker, "test", group))
    try:
        asked = [TopicPartition(topic, partition) for partition in partitions_of(consumer, topic)]
        return {p.partition: p.offset for p in patiently(lambda: consumer.committed(asked, LIMIT_S)) if p.offset >= 0}
    finally:
        consumer.close()


def commit(broker: str, group: str, topic: str, partition: int, offset: int) -> None:
    """Let the group's next member begin there, and remember nothing before it."""
    consumer = Consumer(consumer_config(broker, "test", group))
    try:
        places = [TopicPartition(topic, partition, offset)]
        patiently(lambda: consumer.commit(offsets=places, asynchronous=False))
    finally:
        consumer.close()


def patiently(call: Callable[[], T]) -> T:
    """What a call to the broker answers once it knows its newly made topics."""
    deadline = Deadline()
    while True:
        try:
            return call()
        except KafkaException:
            if deadline.passed:
                raise
