"""A venue with a bad day that is made by chance: `python -m tests.venues.soak --minutes 30 --seed 1`.

It bursts, says rubbish, repeats itself, counts back, breaks off, announces that it closes, and does not answer; who
hears it stops listening now and then, until its small queue is full. In the end it is proved from counters and numbers
that every message which was said is a tick, rejected, conflated, or no quote.
"""

import argparse
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from services.ingest.live_queue import LiveQueue
from tests.venues.listener import Listener, listening, quick
from tests.venues.server import Http, Peer, Script, VenueServer, venue_server
from tests.venues.speakers import Binance, Said
from tests.waiting import LIMIT_S
from tidewheel.domain.market import TickFlag
from tidewheel.telemetry.metrics import REGISTRY

QUEUE_ROWS = 40
# So that most of the day is spent connected; how long is waited is tested with time as data.


def impatient() -> float:
    return 0.01


ACTS = {
    "quote": 60,
    "burst": 10,
    "rubbish": 3,
    "unknown": 3,
    "crossed": 3,
    "again": 4,
    "back": 3,
    "rest": 20,
    "abort": 1,
    "close": 1,
    "announce": 1,
}


@dataclass
class Day:
    """What the venue says, over all its connections. `over`: whether it is to end."""

    chance: Random
    over: Callable[["Day"], bool]
    seq: int = 0
    acts: Counter[str] = field(default_factory=Counter)
    valid: list[int] = field(default_factory=list)  # numbers of quotes that are to be ticks
    again: int = 0
    back: int = 0
    done: bool = False

    def script(self, number: int) -> Script:
        if number % 7 == 3:
            return Http(503)
        return self.connection

    def next_quote(self) -> Said:
        self.seq += 1
        self.valid.append(self.seq)
        return Said("BTCUSDT", f"{1000 + self.seq % 977}", f"{1001 + self.seq % 977}", seq=self.seq)

    async def connection(self, peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(self.next_quote())
        while not self.over(self):
            act = self.chance.choices(list(ACTS), list(ACTS.values()))[0]
            self.acts[act] += 1
            if not await self._act(act, peer):
                return
        await peer.arrived()
        self.done = True
        await peer.stay()

    async def _act(self, act: str, peer: Peer) -> bool:
        """Whether the connection goes on."""
        last = Said("BTCUSDT", f"{1000 + self.seq % 977}", f"{1001 + self.seq % 977}", seq=self.seq)
        match act:
            case "quote":
                await peer.quote(self.next_quote())
            case "burst":
                await peer.quote(*(self.next_quote() for _ in range(10)))
            case "rubbish":
                await peer.say("{torn")
            case "unknown":
                await peer.say(peer.speaker.unknown[0])
            case "crossed":
                self.seq += 1
                await peer.say(peer.speaker.quote(Said("BTCUSDT", "1002", "1001", seq=self.seq)))
                await peer.quote(self.next_quote())
            case "again":
                self.again += 1
                await peer.say(peer.speaker.quote(last))
            case "back":
                self.back += 1
                await peer.say(peer.speaker.quote(last.but(seq=self.seq - 1)))
            case "rest":
                await peer.pause(self.chance.random() / 200)
            case "abort":
                await peer.arrived()
                peer.abort()
                return False
            case "close":
                await peer.arrived()
                await peer.socket.close(1012, "restart")
                return False
            case "announce":
                await peer.say(str(peer.speaker.closing))
                await peer.stay()
                return False
        return True


@dataclass
class Soaked:
    """What was said and what was heard."""

    day: Day
    server: VenueServer
    listener: Listener
    frames: Counter[str]
    conflated: int

    def faults(self) -> list[str]:
        """What does not add up."""
        day, frames, conflated = self.day, self.frames, self.conflated
        ticks = [tick.venue_seq for tick in self.listener.ticks]
        flags = Counter(flag for tick in self.listener.ticks for flag in tick.flags)
        said = Counter(day.valid)
        missing = sum((said - Counter(ticks)).values())
        sums = {
            "messages said, and frames heard": (self.server.messages, sum(frames.values())),
            "frames that are ticks or rejected, and what came of them": (
                frames["tick"] + frames["rejected"],
                len(ticks) + len(self.listener.rejected) + conflated,
            ),
            "numbers, and numbers in order": (ticks, sorted(ticks)),
            "ticks beyond what was said are repetitions": (sum((Counter(ticks) - said).values()) <= day.again, True),
            "quotes that are missing are conflated": (missing <= conflated, True),
            "conflated quotes are flagged": (flags[TickFlag.CONFLATED] > 0, conflated > 0),
        }
        return [f"{what}: {one!s:.200} and {other!s:.200}" for what, (one, other) in sums.items() if one != other]


def frames_of(venue: str) -> Counter[str]:
    kinds = ("tick", "rejected", "repeated", "unwanted", "other")
    name = "tidewheel_venue_frames_total"
    return Counter(
        {kind: int(REGISTRY.get_sample_value(name, {"venue": venue, "outcome": kind}) or 0) for kind in kinds}
    )


def soak(seed: int, over: Callable[[Day], bool], limit_s: float = LIMIT_S) -> Soaked:
    """One bad day."""
    day, speaker, queue = Day(Random(seed), over), Binance(), LiveQueue(rows_max=QUEUE_ROWS)
    reader = Random(seed + 1)
    before = frames_of(speaker.name)
    scripts = [day.script(number) for number in range(10_000)]
    with (
        venue_server(speaker, *scripts) as server,
        listening([quick(speaker)], [speaker.symbol], server.url, queue=queue, chance=impatient) as listener,
    ):

        def sometimes_busy(_: Listener) -> bool:
            if reader.random() < 0.2:
                threading.Event().wait(reader.random() / 5)  # busy with something else
            return day.done

        listener.until(sometimes_busy, limit_s=limit_s)
    frames = frames_of(speaker.name) - before
    return Soaked(day, server, listener, frames, sum(queue.conflated.values()))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.venues.soak")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    ends_s = time.monotonic() + 60 * arguments.minutes
    soaked = soak(arguments.seed, lambda _: time.monotonic() >= ends_s, 120 * arguments.minutes + LIMIT_S)
    server, listener, found = soaked.server, soaked.listener, soaked.faults()
    print(f"{server.messages:,} messages by {server.connections:,} connections: {dict(soaked.day.acts)}")
    print(f"{len(listener.ticks):,} ticks, {len(listener.rejected):,} rejected, {soaked.conflated:,} conflated")
    print("\n".join(found) or "every message is a tick, rejected, conflated, or no quote")
    return bool(found)


if __name__ == "__main__":
    raise SystemExit(main())
