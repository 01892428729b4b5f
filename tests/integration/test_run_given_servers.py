"""`tidewheel run` on a broker and a Redis that run already: it uses them, and leaves them as they are."""

import json
from pathlib import Path

import pytest

from tests.system import driver
from tests.waiting import RUN_LIMIT_S

pytestmark = [pytest.mark.broker, pytest.mark.redis_server]

FIRST_MS = 1_700_000_000_000


def wave(path: Path, seconds: int) -> Path:
    """A market that goes up and down by 6 every 40 seconds."""
    lines = ["time_ms,bid,offer"]
    for second in range(seconds):
        price = 1000 + abs(second % 40 - 20) * 0.3
        lines.append(f"{FIRST_MS + 1000 * second},{price:.2f},{price + 0.1:.2f}")
    path.write_text("\n".join(lines) + "\n")
    return path


def arguments(file: Path, broker: str, redis: str) -> list[str]:
    return [
        *("run", "--feed", f"replay:{file}", "--kafka", broker, "--redis", redis, "--threshold", "1"),
        *("--orders-per-second", "2", "--window", "400", "--trials", "2", "--summary", "s.json", "--data-dir", "data"),
    ]


def test_a_recorded_file_goes_through(broker: str, empty_redis: str, tmp_path: Path) -> None:
    file = wave(tmp_path / "wave.csv", 1200)
    ended = driver.run(arguments(file, broker, empty_redis), tmp_path, RUN_LIMIT_S)
    assert ended.code == 0, ended.output + ended.errors
    assert (ended.left, ended.errors) == ([], "")
    summary = json.loads((tmp_path / "s.json").read_text())
    assert (summary["ticks"], summary["bars"], summary["orders"]["placed"]) == (1200, 1200, 2400)
    assert sum(summary["transactions"].values()) == 2400
    assert sorted(summary["restarts"]) == ["ingest", "labeler", "orderbot", "predictor", "trainer"]
    assert [model["seq"] for model in summary["models"]] == list(range(1, summary["examples"] // 400 + 1))
    assert sorted(path.name for path in (tmp_path / "data").iterdir() if path.is_dir()) == ["logs"]


def test_a_file_without_a_quote_ends_the_run_with_one_line(broker: str, empty_redis: str, tmp_path: Path) -> None:
    file = tmp_path / "none.csv"
    file.write_text("time_ms,bid,offer\n1700000000000,5,4\n")
    ended = driver.run(arguments(file, broker, empty_redis), tmp_path, RUN_LIMIT_S)
    assert ended.code == 1
    assert ended.errors.count("\n") == 1
    assert "holds no usable quote" in ended.errors
    assert ended.left == []


@pytest.mark.parametrize(
    ("option", "address"), [("--kafka", "127.0.0.1:1"), ("--redis", "redis://:secret@127.0.0.1:1/0")]
)
def test_a_server_that_is_not_there_is_one_line(option: str, address: str, tmp_path: Path) -> None:
    ended = driver.run(["run", option, address, "--data-dir", "data"], tmp_path, 30)
    assert ended.code == 1
    assert ended.errors.count("\n") == 1
    assert "127.0.0.1:1 does not answer" in ended.errors
    assert "secret" not in ended.errors
    assert not (tmp_path / "data").exists()
