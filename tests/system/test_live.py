"""A live venue through the whole program, from a message on the wire to a served model; ingest's clocks run faster."""

import json
import time
from pathlib import Path
from random import Random

import pytest

from tests.system import driver
from tests.system.driver import RunningProgram
from tests.venues.server import Peer, venue_server
from tests.venues.speakers import SPEAKERS, Said, Speaker
from tests.waiting import RUN_LIMIT_S
from tidewheel.domain.feeds import VENUES

pytestmark = pytest.mark.system

RATE = 30
QUOTE_EVERY_S = 0.02
DROPPED_AFTER = 200  # quotes


@pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda one: one.id)
def test_from_the_wire_to_a_served_model(speaker: Speaker, tmp_path: Path) -> None:
    start_ns = time.time_ns()
    chance, seq, cents = Random(1), 0, 100_000

    async def market(peer: Peer) -> None:
        nonlocal seq, cents
        await peer.subscribed()
        for count in range(10**9):
            seq, cents = seq + 1, cents + chance.choice((-60, -30, 30, 60))
            now_us = (start_ns + (time.time_ns() - start_ns) * RATE) // 1000
            bid, offer = f"{cents / 100:.2f}", f"{cents / 100 + 0.02:.2f}"
            await peer.quote(Said(speaker.wire, bid, offer, seq=seq, time_us=now_us))
            if seq == DROPPED_AFTER:
                peer.abort()
            if count % 50 == 0 and speaker.heartbeat:
                await peer.say(speaker.heartbeat)
            await peer.pause(QUOTE_EVERY_S)

    arguments = [
        *("run", "--feed", speaker.name, "--exit-after-models", "1", "--window", "400", "--trials", "2"),
        *("--threshold", "1", "--orders-per-second", "2", "--summary", "s.json", "--data-dir", "data"),
        *("--export", "out"),
    ]
    with venue_server(speaker, market) as server:
        settings = {
            "TIDEWHEEL_VENUE_URL": server.url,
            # A third of a second's wait for a core is ten seconds of this market.
            "TIDEWHEEL_VENUE_LATE_MAX_MS": "3600000",
            "PYTHONPATH": str(Path(__file__).parent / "fast_clock"),
            "FAST_CLOCK": f"{RATE},{start_ns}",
        }
        ended = driver.run(arguments, tmp_path, RUN_LIMIT_S, _nothing, settings)
    assert (ended.code, ended.left) == (0, []), ended.output + ended.errors
    summary = json.loads((tmp_path / "s.json").read_text())
    served = {model["instrument"] for model in summary["models"] if model["served"]}
    assert served == {f"{speaker.name}:{VENUES[speaker.name]}"}
    assert summary["restarts"].get("ingest", 0) == 0
    assert server.connections >= 2, "it came back after it was cut off"


def _nothing(_: RunningProgram) -> None:
    """Nobody disturbs the run."""
