"""What the benches say of themselves, on the broker in memory: rounds, hashes, and where the clocks start."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any

import pytest

from bench import __main__ as benches
from bench import labeler, passthrough
from bench.harness import Servers, Size
from bench.records import outputs, write
from tests.simulation.broker import Broker
from tests.simulation.clients import clients
from tests.simulation.injector import NoFaults
from tidewheel.contracts.topics import EXAMPLES, TICKS, TOPICS, TRANSACTIONS
from tidewheel.runtime.kafka import Clients


def made_broker() -> Broker:
    return Broker({name: topic.partitions(2) for name, topic in TOPICS.items()}, Random(1))


# ---- rounds ----


@pytest.fixture
def run_benches(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs the program with benches that find `results`, one after another: exit code, lines and words of error."""

    def call(results: list[str], *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
        left = iter(enumerate(results))

        @contextmanager
        def servers() -> Iterator[Servers]:
            yield Servers("", "")

        class Made:
            @staticmethod
            def run(size: Size, servers: Servers) -> dict[str, Any]:
                number, result = next(left)
                return {"records_per_s": [10, 30, 20][number % 3], "result_hash": result}

        monkeypatch.setattr(benches, "servers", servers)
        monkeypatch.setattr(benches, "import_module", lambda name: Made)
        monkeypatch.setattr("sys.argv", ["bench", *arguments])
        code = benches.main()
        captured = capsys.readouterr()
        return code, [json.loads(line) for line in captured.out.splitlines()], captured.err

    return call


def test_rounds_that_agree_end_with_the_best(run_benches: Callable[..., Any]) -> None:
    code, lines, error = run_benches(["same"] * 3, "passthrough", "--rounds", "3")
    assert (code, error) == (0, "")
    assert len(lines) == 4
    assert lines[-1] == {"bench": "passthrough", "best_of": 3, "records_per_s": 30}


def test_rounds_that_differ_in_their_result_fail(run_benches: Callable[..., Any]) -> None:
    code, lines, error = run_benches(["one", "one", "another"], "passthrough", "--rounds", "3")
    assert (code, error) == (1, "passthrough: its rounds differ in their result: one, one, another\n")
    assert not any("best_of" in line for line in lines)


def test_benches_may_differ_from_one_another(run_benches: Callable[..., Any]) -> None:
    code, lines, error = run_benches(["one", "another"] * 2, "day", "ingest", "--rounds", "2")
    assert (code, error) == (0, "")
    assert [line["bench"] for line in lines] == ["day", "ingest"] * 3


def test_the_labeler_and_its_yardstick_take_turns_unless_told_otherwise(run_benches: Callable[..., Any]) -> None:
    code, lines, _ = run_benches(["same"] * (len(benches.NAMES) + 4))
    names = [line["bench"] for line in lines if "best_of" not in line]
    assert code == 0
    assert names[:6] == ["labeler", "passthrough"] * 3
    assert sorted({*names[:6], *names[6:]}) == benches.NAMES
    assert len(names[6:]) == len(benches.NAMES) - 2
    assert {line["bench"]: line["best_of"] for line in lines if "best_of" in line} == {"labeler": 3, "passthrough": 3}


def test_one_of_them_alone_has_one_round() -> None:
    assert benches.run_order(["labeler", "day"], None) == ["labeler", "day"]


# ---- hashes ----


def digested(*records: tuple[str, int, bytes, bytes], seed: int = 0) -> tuple[tuple[int, int], str]:
    """Counts and hash of records: topic, partition, key, value."""
    broker, digest = made_broker(), sha256()
    for topic, partition, key, value in records:
        broker.append((topic, partition), key, value)
    return outputs("", digest, clients=clients(broker, NoFaults(), Random(seed))), digest.hexdigest()


ONE = (TRANSACTIONS.name, 0, b"a", b"1")
TWO = (TRANSACTIONS.name, 0, b"a", b"2")
OTHER = (TRANSACTIONS.name, 0, b"b", b"3")
ELSEWHERE = (TRANSACTIONS.name, 1, b"c", b"4")
EXAMPLE = (EXAMPLES.name, 0, b"a", b"5")
ALL = (ONE, TWO, OTHER, ELSEWHERE, EXAMPLE)


def test_outputs_are_counted_by_topic() -> None:
    counts, _ = digested(*ALL)
    assert counts == (4, 1)


@pytest.mark.parametrize("seed", range(5))
def test_how_instruments_lie_among_each_other_is_no_part_of_the_hash(seed: int) -> None:
    assert digested(ONE, OTHER, TWO, EXAMPLE, ELSEWHERE, seed=seed) == digested(*ALL)


@pytest.mark.parametrize(
    "records", [(TWO, ONE, *ALL[2:]), ALL[:-1], (*ALL, EXAMPLE), ((*ONE[:3], b"x"), *ALL[1:])], ids=str
)
def test_what_an_instrument_got_is(records: tuple[tuple[str, int, bytes, bytes], ...]) -> None:
    assert digested(*records)[1] != digested(*ALL)[1]


# ---- clocks ----


@dataclass
class Beginning(NoFaults):
    """Time passes at every effect until records are seen, then stands still until the process leaves."""

    broker: Broker
    now_s: float = 0.0
    waits: int = 0

    def before(self, effect: str) -> None:
        self.broker.settle()
        if effect == "leave" or not self.sees(""):
            self.now_s += 100.0

    def idle(self, wait_s: float) -> None:
        self.waits += 1

    def sees(self, topic: str) -> bool:
        return self.waits > 5


@pytest.fixture
def beginning(monkeypatch: pytest.MonkeyPatch) -> Beginning:
    stage = Beginning(made_broker())
    for clock in ("perf_counter", "process_time"):
        monkeypatch.setattr(time, clock, lambda: stage.now_s)
    return stage


def clients_of(stage: Beginning) -> Clients:
    return clients(stage.broker, stage, Random(1))


def test_the_clock_of_the_yardstick_runs_from_the_first_record_to_the_last_commit(beginning: Beginning) -> None:
    for number in range(2_500):
        beginning.broker.append((TICKS.name, 0), None, number.to_bytes(8, "little"))
    _, wall_s, cpu_s = passthrough.copy("", 2_500, clients_of(beginning))
    assert len(beginning.broker.partitions[TRANSACTIONS.name, 0].committed()) == 2_500
    assert beginning.now_s >= 500.0
    assert (wall_s, cpu_s) == (0.0, 0.0)


def test_the_clock_of_the_labeler_runs_from_the_first_record_to_the_last_commit(beginning: Beginning) -> None:
    market = labeler.Market("sim:CLOCK", 0.4, 300, 100, 1)
    write(clients(beginning.broker, NoFaults(), Random(1)).producer({}), market, 0)
    wall_s, cpu_s = labeler.label("", [market], clients_of(beginning))
    assert beginning.broker.partitions[TRANSACTIONS.name, 0].committed()
    assert beginning.now_s >= 500.0
    assert (wall_s, cpu_s) == (0.0, 0.0)
