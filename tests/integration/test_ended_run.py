"""Commands that read a run which has ended, on servers of their own; nothing of it changes."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from tests.conformance.make_examples import VALUES
from tests.orderbots import publish
from tests.servers import server_port
from tests.synthetic_models import published
from tests.synthetic_seconds import seconds
from tests.waiting import RUN_LIMIT_S
from tidewheel.cli.main import EXIT_INTERRUPTED, main
from tidewheel.contracts.codecs.orders import encode_transaction
from tidewheel.contracts.topics import TRANSACTIONS
from tidewheel.local.data_dir import DataDir
from tidewheel.local.ended_run import run_servers
from tidewheel.local.servers.kafka import KEEPING, start_kafka
from tidewheel.local.servers.redis import start_redis
from tidewheel.local.servers.run_servers import KAFKA
from tidewheel.registry.store import Registry
from tidewheel.runtime import topic_admin
from tidewheel.runtime.kafka import producer_config

pytestmark = [pytest.mark.broker, pytest.mark.redis_server]

NAME = "sim:BTC-USD"
COUNT = 20
ADDRESSES = {"kafka": "127.0.0.1:1", "redis": "redis://127.0.0.1:1/0", "predictor": "127.0.0.1:1"}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a run: market seconds of long ago, a model, and a Kafka transaction that never ended."""
    data = DataDir(tmp_path_factory.mktemp("run"))
    data.save_run({"lasting": {"kafka": None, "redis": None}, "changing": {}, "addresses": ADDRESSES})
    kafka = start_kafka(data.kafka, server_port(), server_port())
    redis = start_redis(data.redis, server_port())
    try:
        topic_admin.create(kafka.bootstrap, 2)
        publish(kafka.bootstrap, seconds(COUNT, instrument=NAME))
        short_lived = {"transactional.id": "test", "transaction.timeout.ms": 2_000}
        labeler = Producer(producer_config(kafka.bootstrap, "test", **short_lived))
        labeler.init_transactions()
        labeler.begin_transaction()
        labeler.produce(TRANSACTIONS.name, encode_transaction(VALUES["transactions", "profit.transaction"]), NAME)
        labeler.flush()
        registry = Registry.connect(redis.url)
        registry.publish(*published(1))
        registry.close()
    finally:
        redis.stop()
        kafka.stop()
    return data.root


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever is made for the moment is gone afterwards."""
    (tmp_path / "made").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "made"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield
    # Ours alone: Python tries a folder by a file of its own, which a signal at that instant leaves behind.
    assert list((tmp_path / "made").glob("tidewheel-*")) == []


def files(root: Path, under: str) -> dict[str, bytes]:
    """Every file of records, of whatever topic; of Redis every file."""
    wanted = "*.log" if under == "kafka" else "*"
    found = [path for path in (root / under).rglob(wanted) if path.is_file()]
    return {str(path): path.read_bytes() for path in found if "__cluster_metadata" not in str(path)}


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(words) == code
    return capsys.readouterr().out


def test_it_is_read_and_stays_as_it_was(ended: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--data-dir", str(ended))
    # The transaction that was left open is ended once, as a run that goes on would end it.
    assert told(capsys, "topics", "tail", "transactions", *where) == ""
    before = files(ended, "kafka"), files(ended, "redis")
    assert before[0]
    assert before[1]

    rows = told(capsys, "topics", "tail", "bars", *where).splitlines()
    assert [json.loads(row)["last_seq"] for row in rows] == list(range(1, COUNT + 1))
    target = tmp_path / "bars.csv"
    assert told(capsys, "export", "bars", "--out", str(target), *where) == f"{target}: {COUNT} rows\n"
    told(capsys, "verify-log", "--instrument", NAME, *where)
    (model,) = json.loads(told(capsys, "models", "list", "--json", *where))
    assert (model["seq"], model["current"]) == (1, True)
    page = tmp_path / "report.html"
    told(capsys, "report", "1", "--out", str(page), *where)
    assert "This model serves now, at epoch 1." in page.read_text()

    assert (files(ended, "kafka"), files(ended, "redis")) == before


def test_the_broker_deletes_compacts_and_forgets_nothing(ended: Path) -> None:
    """Its first round of deleting would come half a minute after its start: too late for a test to see."""
    with run_servers(ended, (KAFKA,), print) as servers:
        admin = AdminClient({"bootstrap.servers": servers.kafka})
        (answer,) = admin.describe_configs([ConfigResource(ResourceType.BROKER, "1")]).values()
        actual = {name: entry.value for name, entry in answer.result().items()}
    wanted = dict(line.split("=") for line in KEEPING.split())
    assert {name: actual.get(name) for name in wanted} == wanted


def test_whoever_ends_it_leaves_no_server_behind(ended: Path) -> None:
    assert ended_by(ended, signal.SIGTERM, "stdout") in (0, EXIT_INTERRUPTED)  # at its first heartbeat
    assert ended_by(ended, signal.SIGINT, "stderr") == EXIT_INTERRUPTED  # while the servers start


def test_a_signal_is_heeded_from_the_first_line_on(ended: Path) -> None:
    """Also where SIGINT is ignored, as in what a shell runs in the background: a watch went on for ever."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with (
            pytest.raises(KeyboardInterrupt),
            run_servers(ended, (KAFKA,), lambda _: signal.raise_signal(signal.SIGINT)),
        ):
            pytest.fail("it was not heard")
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, former)


def ended_by(root: Path, number: signal.Signals, telling: str) -> int:
    """The exit code of a `watch`, which goes on until it is asked to end; it is, once it has said a line."""
    command = [sys.executable, "-m", "tidewheel.cli.main", "watch", "--data-dir", str(root)]
    watch = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert getattr(watch, telling).readline()
        watch.send_signal(number)
        code = watch.wait(RUN_LIMIT_S)
    finally:
        watch.kill()
        watch.communicate()
    assert servers_of(root) == []
    DataDir(root).lock_dir().close()
    return code


def servers_of(root: Path) -> list[str]:
    """Processes that have a file of the directory open, or were started on one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int(process.name) != os.getpid() and str(root) in "".join(map(os.readlink, (process / "fd").iterdir())):
                found.append(process.name)
        except OSError:  # it has ended, or is another user's
            continue
    return found
