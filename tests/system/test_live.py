"""A live venue through the whole program, from a message on the wire to a served model; ingest's clocks run faster."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.system import driver
from tests.system.driver import RunningProgram
from tests.system.live_market import LiveMarket
from tests.venues.ig_venue import Ig
from tests.venues.listener import ig_user
from tests.venues.server import venue_server
from tests.venues.speakers import SPEAKERS, Kraken, Speaker
from tests.waiting import RUN_LIMIT_S
from tidewheel.domain.feeds import VENUES
from tidewheel.venues.frame_files import FrameWriter
from tidewheel.venues.frame_log import Header, Message

pytestmark = pytest.mark.system

DROPPED_AFTER = 200  # quotes
HISTORY_S = 3_000
S = 1_000_000_000


def run(market: LiveMarket, url: str, folder: Path, *more: str) -> dict[str, Any]:
    """The program on that market until it has served a model; its summary."""
    arguments = [
        *("run", "--feed", market.speaker.name, "--exit-after-models", "1", "--window", "400", "--trials", "2"),
        *("--threshold", "1", "--orders-per-second", "2", "--summary", "s.json", "--data-dir", "data"),
        *("--export", "out", *more),
    ]
    settings = market.environment(url)
    if isinstance(market.speaker, Ig):
        user = ig_user(folder)
        settings |= {
            "TIDEWHEEL_IG_USERNAME": user.ig_username,
            "TIDEWHEEL_IG_PASSWORD_FILE": user.ig_password_file,
            "TIDEWHEEL_IG_KEY_FILE": user.ig_key_file,
        }
    ended = driver.run(arguments, folder, RUN_LIMIT_S, _nothing, settings)
    assert (ended.code, ended.left) == (0, []), ended.output + ended.errors
    summary: dict[str, Any] = json.loads((folder / "s.json").read_text())
    served = {model["instrument"] for model in summary["models"] if model["served"]}
    assert served == {f"{market.speaker.name}:{VENUES[market.speaker.name]}"}
    assert summary["restarts"].get("ingest", 0) == 0
    return summary


@pytest.mark.parametrize("speaker", [*SPEAKERS, Ig()], ids=lambda one: one.id)
def test_from_the_wire_to_a_served_model(speaker: Speaker, tmp_path: Path) -> None:
    market = LiveMarket(speaker, DROPPED_AFTER)
    with venue_server(speaker, market.connection) as server:
        run(market, server.url, tmp_path)
    assert server.connections >= 2, "it came back after it was cut off"


def test_history_makes_a_model_before_the_live_market_has_any(tmp_path: Path) -> None:
    market, path = LiveMarket(Kraken()), tmp_path / "day.frames.jsonl.zst"
    with FrameWriter(path, Header("kraken", ("BTC-USD",))) as writer:
        for second in range(HISTORY_S):
            at_ns = market.start_ns - (HISTORY_S + 700 - second) * S
            writer.write(Message(at_ns, 1, market.speaker.quote(market.next_quote(at_ns // 1000))))
    with venue_server(market.speaker, market.connection) as server:
        summary = run(market, server.url, tmp_path, "--warm-up", str(path))
    (model, *_) = summary["models"]
    assert model["seq"] == 1
    assert server.quoted, "and the market went on live"


def _nothing(_: RunningProgram) -> None:
    """Nobody disturbs the run."""
