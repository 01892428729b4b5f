"""From a recorded file to market seconds by ingest and by the oracle: each second, tick, rejected line and reason."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from services.ingest.core import IngestCore
from services.ingest.seconds import SessionRules
from services.ingest.sources.replay import Replay
from tests import markets, oracle
from tests.oracle import E9, Row
from tidewheel.domain.market import MarketSecond, SourceKind, TickFlag
from tidewheel.recordings import opening
from tidewheel.recordings.quotes import RejectedRow

# Lines that are no ticks, or only just: `{ms}` is a time that would be in order.
NASTY = (
    *("", " ", ",", ",,", "abc", "{ms}", "{ms},100", "{ms},100,101,102", "{ms},100,101,", "{ms};100;101"),
    *(
        "{ms},nan,101",
        "{ms},100,inf",
        "{ms},-Infinity,NaN",
        "{ms},100,sNaN",
        "{ms},0,101",
        "{ms},-1,101",
        "{ms},100,-0",
    ),
    *("{ms},101,100", "{ms},60,101", "{ms},1e999,101", "{ms},100,1e999", "{ms},1e-999,101", "{ms},0x10,101"),
    *("{ms},100,1_01", "{ms},100,1,01", '{ms},"100",101', "{ms},1e2,1.01E2", "{ms}, 100 ,\t101", "+{ms},100,101"),
    *("-{ms},100,101", "{ms}.5,100,101", "{ms}e0,100,101", "9999999999999999,100,101", "{ms},9.2e9,9200000000"),
    *("{ms},9200000000,9200000000.000000001", "{ms},100.0000000005,101.0000000015", "{ms},.5e2,50.", "{ms},٣,4"),
    *("{ms},100,101\r", "{ms},100.00000000000000000001,100.00000000000000000001", "{ms},3,5", "{ms},3,5.000000001"),
    *(
        "{ms},null,101",
        "{ms},100,",
        "{ms},,",
        "{ms},100,1e1000000000000",
        "\x00",
        "{ms},100,10\x001",
        "\ufeff{ms},100,101",
    ),
)


def decimal(units: int) -> str:
    return f"{units // E9}.{units % E9:09d}".rstrip("0").rstrip(".")


def lines_of(chance: Random, rows: list[Row], nasty: float) -> list[str]:
    lines = ["time_ms,bid,offer"]
    for row in rows:
        if chance.random() < nasty:
            lines.append(chance.choice(NASTY).replace("{ms}", str(row.time_ns // 10**6)))
        lines.append(f"{row.time_ns // 10**6},{decimal(row.bid)},{decimal(row.offer)}")
    return lines


def from_ingest(path: Path, settings: oracle.Settings) -> tuple[list[tuple[Any, ...]], list[tuple[int, str]]]:
    core = IngestCore(markets.INSTRUMENT, SourceKind.REPLAY, SessionRules(settings.quiet_s, settings.stale_s))
    records: list[MarketSecond | RejectedRow] = []
    for batch in Replay(path).items():
        records += core.on_item(batch)
    records += core.on_end()
    seconds = [plain(item) for item in records if isinstance(item, MarketSecond)]
    rejects = [(item.place, str(item.reason)) for item in records if isinstance(item, RejectedRow)]
    return seconds, rejects


def plain(second: MarketSecond) -> tuple[Any, ...]:
    """A market second as plain values; of the flags those that say something of the one quote alone."""
    quotes = second.quotes
    flags = quotes.flags.tolist() if len(quotes.flags) else [0] * len(quotes)
    return (
        *(second.instrument, second.session, second.second, second.first_seq, second.stale, second.ends_session),
        *(second.open_bid_e9, second.open_offer_e9, second.close_bid_e9, second.close_offer_e9, second.last_tick_ns),
        *(second.day_open_e9, second.day_high_e9, second.day_low_e9),
        *(quotes.time_ns.tolist(), quotes.bid_e9.tolist(), quotes.offer_e9.tolist()),
        [flag & (TickFlag.LATE | TickFlag.LOCKED) for flag in flags],
    )


def from_oracle(path: Path, settings: oracle.Settings) -> tuple[list[tuple[Any, ...]], list[tuple[int, str]]]:
    result = oracle.evaluate_file(path, settings)
    return [plain(second) for second in markets.seconds(result)], [(r.line, r.reason) for r in result.rejects]


def written(path: Path, chance: Random, quotes: int, nasty: float) -> Path:
    lines = lines_of(chance, markets.rows(chance, quotes), nasty)
    path.write_text(chance.choice(("\n", "\n", "\r\n")).join(lines) + chance.choice(("\n", "")), newline="")
    return path


@pytest.mark.parametrize("seed", range(25))
def test_equal_to_the_oracle(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = Random(seed)
    settings = oracle.Settings(quiet_s=chance.choice((600, 600, 5)), stale_s=chance.choice((60, 60, 2)))
    monkeypatch.setattr(opening, "CHUNK_BYTES", chance.choice((1, 50, 1000, 10**6)))
    path = written(tmp_path / "quotes.csv", chance, 100, chance.choice((0, 0.05, 0.8)))
    assert from_ingest(path, settings) == from_oracle(path, settings)


@pytest.mark.parametrize("line", NASTY)
def test_each_nasty_line_alone(line: str, tmp_path: Path) -> None:
    path = tmp_path / "quotes.csv"
    path.write_text(f"time_ms,bid,offer\n1000,100,101\n{line.replace('{ms}', '1500')}\n2000,100,101\n", newline="")
    settings = oracle.Settings()
    assert from_ingest(path, settings) == from_oracle(path, settings)


def test_nasty_lines_reach_every_reason(tmp_path: Path) -> None:
    path = tmp_path / "quotes.csv"
    path.write_text("\n".join(["time_ms,bid,offer", *(line.replace("{ms}", "1000") for line in NASTY)]), newline="")
    _, rejects = oracle.rows_of(oracle.read_lines(path))
    reasons = {reject.reason for reject in rejects}
    assert reasons == {"malformed", "not_finite", "not_positive", "too_large", "crossed", "spread"}


@pytest.mark.parametrize("planted", [{"quiet_s": 599}, {"stale_s": 59}])
def test_a_planted_difference_is_noticed(planted: dict[str, int], tmp_path: Path) -> None:
    noticed = 0
    for seed in range(6):
        path = written(tmp_path / f"{seed}.csv", Random(seed), 80, 0)
        noticed += from_ingest(path, oracle.Settings(**planted)) != from_oracle(path, oracle.Settings())
    assert noticed > 1


@pytest.mark.parametrize("name", ["bittrex_btcusd_20180222", "gdax_btcusd_20180424", "bitstamp_btcusd_20260502"])
def test_equal_on_real_prices(name: str, shared_data: Path) -> None:
    path = shared_data / f"{name}_quotes.csv.gz"
    assert from_ingest(path, oracle.Settings()) == from_oracle(path, oracle.Settings())
