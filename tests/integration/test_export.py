"""Export and tail on a real broker: committed records only, whole topics, one clear line for what goes wrong."""

import json
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from confluent_kafka import Producer

from tests.conformance.make_examples import VALUES
from tests.orderbots import publish
from tests.synthetic_seconds import seconds
from tidewheel.cli.main import main
from tidewheel.contracts.codecs.orders import encode_example, encode_orders, encode_transaction
from tidewheel.contracts.topics import EXAMPLES, ORDERS, TRANSACTIONS
from tidewheel.domain.orders import SecondOrders
from tidewheel.local.exporting import export_all
from tidewheel.runtime.kafka import flush, producer_config

pytestmark = pytest.mark.broker

INSTRUMENTS = ("sim:BTC-USD", "sim:AAA-USD", "replay:ZZZ")
EXAMPLE = VALUES["examples", "one.example"]
TRANSACTION = VALUES["transactions", "profit.transaction"]


@pytest.fixture
def filled(broker: str) -> str:
    """Ticks of three instruments, orders with a repeat, and transactions of which some were aborted."""
    for name in INSTRUMENTS:
        publish(broker, seconds(20, instrument=name))
    producer = Producer(producer_config(broker, "test"))
    orders = VALUES["orders", "two.orders"]
    producer.produce(ORDERS.name, b"\xff garbage", orders.instrument)
    for second in (orders, SecondOrders(orders.instrument, 2, orders.second + 1), orders):
        producer.produce(ORDERS.name, encode_orders(second), second.instrument)
    flush(producer)
    labeler = Producer(producer_config(broker, "test", **{"transactional.id": "test"}))
    labeler.init_transactions()
    for number, commits in enumerate((True, False, True, False), start=1):
        labeler.begin_transaction()
        for name in INSTRUMENTS:
            example = replace(EXAMPLE, instrument=name, example_seq=number if commits else 99)
            labeler.produce(EXAMPLES.name, encode_example(example), name)
            transaction = replace(TRANSACTION, instrument=name, resolved_seq=number if commits else 99)
            labeler.produce(TRANSACTIONS.name, encode_transaction(transaction), name)
        if commits:
            labeler.commit_transaction()
        else:
            labeler.flush()
            labeler.abort_transaction()
    return broker


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    return (code, *capsys.readouterr())


def column(file: Path, *names: str) -> list[tuple[object, ...]]:
    table = pq.read_table(file, columns=list(names))
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


def test_everything(filled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = export_all(filled, tmp_path)
    counts = {name.removesuffix(".parquet"): exported.rows for name, exported in done.items()}
    assert counts == {
        "ticks": 60,
        "bars": 60,
        "bars.csv": 60,
        "orders": 2,
        "transactions": 6,
        "transactions.csv": 6,
        "examples": 6,
        "training-runs": 0,
        "predictions": 0,
        "feed-status": 0,
        "dead-letters": 0,
    }
    assert done["orders.parquet"].repeats == 1
    # Of examples only 1 and 3 are there of each instrument.
    assert capsys.readouterr().err == (
        "orders.parquet: 1 records repeat others and were left out\n"
        "orders.parquet: 1 records could not be decoded and were left out (1 undecodable)\n"
        "examples.parquet: 3 records are missing, by the numbers of those that are there\n"
    )
    in_order = [(name, number) for name in sorted(INSTRUMENTS) for number in (1, 3)]
    assert column(tmp_path / "examples.parquet", "instrument", "example_seq") == in_order
    assert column(tmp_path / "transactions.parquet", "instrument", "resolved_seq") == in_order
    assert column(tmp_path / "ticks.parquet", "instrument", "seq") == [
        (name, seq) for name in sorted(INSTRUMENTS) for seq in range(1, 21)
    ]
    assert (tmp_path / "bars.csv").read_text().count("\n") == 61


def test_the_command(filled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "new folder" / "bars.jsonl"
    arguments = ("export", "bars", "--out", str(target), "--kafka", filled, "--instrument", "sim:AAA-USD")
    assert ran(capsys, *arguments) == (0, f"{target}: 20 rows\n", "")
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert {row["instrument"] for row in rows} == {"sim:AAA-USD"}
    assert [row["last_seq"] for row in rows] == list(range(1, 21))


def test_a_file_that_cannot_be_written_is_one_line(
    filled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    code, out, err = ran(capsys, "export", "bars", "--out", str(tmp_path / "file" / "bars.csv"), "--kafka", filled)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "could not be written" in err


def test_tail_prints_what_is_there(filled: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("topics", "tail", "transactions", "--from-beginning", "--limit", "6", "--kafka", filled)
    code, out, err = ran(capsys, *arguments)
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert {(row["instrument"], row["resolved_seq"]) for row in rows} == {(n, s) for n in INSTRUMENTS for s in (1, 3)}
    assert rows[0]["entry_e9"] == TRANSACTION.entry_e9


def test_tail_says_what_it_cannot_decode(filled: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ran(capsys, "topics", "tail", "orders", "--from-beginning", "--limit", "4", "--kafka", filled)
    assert (code, len(out.splitlines())) == (0, 4)
    assert err.count("\n") == 1
    assert "undecodable" in err


@pytest.fixture
def tail(filled: str) -> Iterator["subprocess.Popen[str]"]:
    """A `topics tail` that follows what comes."""
    command = [sys.executable, "-m", "tidewheel.cli.main", "topics", "tail", "bars", "--kafka", filled]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def test_tail_follows_and_ends_with_its_reader(filled: str, tail: "subprocess.Popen[str]") -> None:
    assert tail.stdout
    assert tail.stderr
    later = iter(seconds(5_000, start=1_700_000_000, instrument="sim:LATER"))
    # It says nothing when it is there, so there is more until it has seen some.
    seen: list[str] = []
    while not seen:
        publish(filled, [next(later)])
        if select.select([tail.stdout], [], [], 0.1)[0]:
            seen.append(tail.stdout.readline())
    assert json.loads(seen[0])["instrument"] == "sim:LATER"
    tail.stdout.close()
    while tail.poll() is None:
        publish(filled, [next(later)])
    assert tail.returncode == 0
    assert tail.stderr.read() == ""


@pytest.mark.parametrize(
    "arguments",
    [("export", "ticks", "--out", "x.csv"), ("topics", "tail", "ticks"), ("topics", "check"), ("topics", "create")],
)
def test_without_a_broker_it_is_one_line(
    arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tidewheel.runtime.topic_admin.require_broker.__defaults__", (0.3,))
    code = main([*arguments, "--kafka", "127.0.0.1:1"])
    assert code == 1
    assert capfd.readouterr() == ("", "tidewheel: no Kafka broker answers at 127.0.0.1:1\n")
    assert list(tmp_path.iterdir()) == []


def test_topics_are_created_and_checked(broker: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(capsys, "topics", "create", "--kafka", broker) == (0, "all topics were there\n", "")
    assert ran(capsys, "topics", "check", "--kafka", broker) == (0, "all topics are as declared\n", "")
