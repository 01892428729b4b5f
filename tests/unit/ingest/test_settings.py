"""Ingest's settings, and what they answer to nonsense."""

import math
from pathlib import Path

import pytest

from services.ingest.settings import Settings
from tidewheel.domain.feeds import Feed
from tidewheel.runtime.settings import SettingsError, load


def settings(**values: str) -> Settings:
    return load(Settings, {f"TIDEWHEEL_{name}": value for name, value in values.items()})


def test_defaults() -> None:
    assert settings().instrument_id == "sim:BTC-USD"
    assert (settings().rules.quiet_s, settings().rules.stale_s, settings().ahead_max_s) == (600, 60, 7200)


def test_the_feed_stands_before_the_symbol_of_the_instrument() -> None:
    read = settings(FEED="replay:a folder/x:y.csv", INSTRUMENT="XAU-USD", SPEED="max")
    assert read.feed == Feed("replay", Path("a folder/x:y.csv"))
    assert read.instrument_id == "replay:XAU-USD"
    assert math.isinf(read.speed)
    assert str(read.feed) == "replay:a folder/x:y.csv"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("FEED", "nasdaq", "must be sim, replay:<path> or a live venue"),
        ("FEED", "kraken,kraken", "names a venue twice"),
        ("FEED", "kraken,sim", "must be sim, replay"),
        ("VENUE_URL", "ftp://x", "must begin with wss:// or ws://"),
        ("FEED", "replay:", "give the recorded file"),
        ("FEED", "sim:x", "must be sim"),
        ("SPEED", "fast", "must be max, or a number"),
        ("SPEED", "0", "must be max, or a number"),
        ("SPEED", "nan", "must be max, or a number"),
        ("SPEED", "inf", "must be max, or a number"),
        ("INSTRUMENT", "sim:BTC-USD", "give the symbol alone"),
        ("INSTRUMENT", "B T C", "no instrument id"),
        ("QUIET_S", "0", "from 1"),
        ("SIM_EDGE", "2", "from 0 to 1"),
        ("SIM_SEED", "-1", "from 0"),
        ("SIM_FLIP_S", "-1", "from 0"),
        ("SIM_FLIP_S", "0.5", "from 0"),
        ("AHEAD_MAX_S", "-1", "from 0"),
    ],
)
def test_a_wrong_value_is_one_line_that_says_what_is_allowed(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as failure:
        settings(**{name: value})
    assert str(failure.value).startswith(f"TIDEWHEEL_{name}: ")
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"FEED": "kraken", "SPEED": "max"}, "a live market has a speed of its own"),
        ({"FEED": "kraken,okx", "VENUE_URL": "ws://x"}, "is of one venue"),
        ({"FEED": "sim", "INSTRUMENT": "BTC-USD,ETH-USD"}, "only a live feed"),
        ({"FEED": "sim", "WARM_UP": "day.csv"}, "only a live feed has something before it"),
        ({"FEED": "kraken", "WARM_UP": "day.csv", "INSTRUMENT_COLUMN": "pair=a,b"}, "is of one value"),
        ({"FEED": "okx", "VENUE_URL": "https://x"}, "of any other venue wss://"),
        ({"FEED": "ig"}, "IG_USERNAME, TIDEWHEEL_IG_PASSWORD_FILE, TIDEWHEEL_IG_KEY_FILE: IG is heard by who logs in"),
        ({"FEED": "kraken,ig", "IG_USERNAME": "x"}, "TIDEWHEEL_IG_PASSWORD_FILE, TIDEWHEEL_IG_KEY_FILE: IG is"),
        ({"FEED": "sim", "KAFKA_SECURITY": "SASL_SSL"}, "KAFKA_"),
    ],
)
def test_what_does_not_go_together_is_refused(values: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings(**values)


def test_a_live_feed_has_the_instruments_of_each_venue() -> None:
    read = settings(FEED="kraken,coinbase", INSTRUMENT="BTC-USD,ETH-USD")
    assert read.feed.instruments(read.instrument) == (
        "kraken:BTC-USD",
        "kraken:ETH-USD",
        "coinbase:BTC-USD",
        "coinbase:ETH-USD",
    )
    assert str(read.feed) == "kraken,coinbase"
    assert not read.feed.ends


def test_recordings_before_a_live_feed_are_paths_with_commas_between() -> None:
    assert settings(FEED="kraken", WARM_UP="a b.csv, c.frames.jsonl.zst").warm_up == (
        Path("a b.csv"),
        Path("c.frames.jsonl.zst"),
    )
    with pytest.raises(SettingsError, match="must name recorded files"):
        settings(FEED="kraken", WARM_UP="-")
