"""What a run is asked to do."""

from dataclasses import replace
from pathlib import Path

import pytest

from tidewheel.domain.feeds import Feed
from tidewheel.domain.prices import Threshold
from tidewheel.local.run_options import (
    RunOptions,
    changed_since,
    checked,
    default_speed,
    parse_bootstrap,
    parse_feed,
    parse_speed,
)

OPTIONS = RunOptions(
    feed=Feed("sim"),
    symbol="BTC-USD",
    speed="60",
    threshold=Threshold.parse("15bps"),
    orders_per_second=5,
    window=10_000,
    step=5_000,
    trials=10,
    memory=12,
    exit_on="bid",
    max_holding=None,
    promotion="fresh",
    sim_seed=1,
    sim_edge=0.0,
    sim_flip_s=0,
    exit_after_models=None,
    stay=False,
)


def test_feeds() -> None:
    assert Feed.parse("sim") == Feed("sim")
    recorded = Feed.parse("replay:a:b.CSV.gz")
    assert (recorded.kind, recorded.path, recorded.ends) == ("replay", Path("a:b.CSV.gz"), True)
    assert str(recorded) == "replay:a:b.CSV.gz"
    assert str(parse_feed("replay:a:b.CSV.gz")) == f"replay:{Path.cwd() / 'a:b.CSV.gz'}"
    assert str(parse_feed("replay:~/b.csv")) == f"replay:{Path.home() / 'b.csv'}"


@pytest.mark.parametrize("text", ["", "simulator", "replay", "replay:", "bitstamp", "sim:1"])
def test_wrong_feeds(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be sim|recorded file"):
        Feed.parse(text)


@pytest.mark.parametrize(
    ("text", "speed"), [("max", "max"), ("MAX", "max"), ("60", "60"), ("0.5", "0.5"), ("1e3", "1000")]
)
def test_speeds(text: str, speed: str) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "fast", "1000001"])
def test_wrong_speeds(text: str) -> None:
    with pytest.raises(ValueError, match="must be max, or a number"):
        parse_speed(text)


def test_the_speed_fits_the_feed() -> None:
    assert [default_speed(Feed(kind)) for kind in ("sim", "replay")] == ["60", "max"]


def test_the_instrument_has_the_feed_before_it() -> None:
    assert checked(OPTIONS).watched == "sim:BTC-USD"
    assert replace(OPTIONS, feed=Feed("replay", Path("x.csv"))).watched == "replay:BTC-USD"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"symbol": "BTC USD"}, "is no instrument id"),
        ({"step": 10_001}, "from 1 to the window size"),
    ],
)
def test_options_that_do_not_go_together(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checked(replace(OPTIONS, **change))  # type: ignore[arg-type]


def test_what_may_change_when_a_run_is_resumed() -> None:
    other = replace(OPTIONS, speed="max", trials=3, promotion="proven", stay=True, exit_after_models=9)
    assert changed_since(OPTIONS.lasting(), other.lasting()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"threshold": Threshold.parse("10")}, "--threshold was 15bps, now 10"),
        ({"orders_per_second": 6}, "--orders-per-second was 5, now 6"),
        ({"max_holding": 60.0}, "--max-holding was None, now 60.0"),
        ({"sim_seed": 2}, "--sim-seed was 1, now 2"),
        ({"sim_flip_s": 8000}, "--sim-flip-s was 0, now 8000"),
        ({"step": 10_000}, "--step was 5000, now 10000"),
    ],
)
def test_what_may_not(change: dict[str, object], words: str) -> None:
    other = replace(OPTIONS, **change)  # type: ignore[arg-type]
    assert changed_since(OPTIONS.lasting(), other.lasting()) == [words]


def test_the_simulators_settings_do_not_matter_to_a_recorded_file() -> None:
    recorded = replace(OPTIONS, feed=Feed("replay", Path("x.csv")))
    assert changed_since(recorded.lasting(), replace(recorded, sim_seed=2, sim_flip_s=9).lasting()) == []


@pytest.mark.parametrize("text", ["127.0.0.1:9092", "a.b:1,c:2", "[::1]:9092"])
def test_brokers(text: str) -> None:
    assert parse_bootstrap(text) == text


@pytest.mark.parametrize("text", ["", "localhost", "http://x:1", "a:b", ":9092", "a:1,"])
def test_wrong_brokers(text: str) -> None:
    with pytest.raises(ValueError, match="must look like"):
        parse_bootstrap(text)
