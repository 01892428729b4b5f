"""A recorded file made by seed: two sessions, bursts, a stale stretch, late rows and rows that are no prices."""

from pathlib import Path
from random import Random

START_MS = 1_600_041_000_000  # a midnight falls into the second session
PULL, MEAN_QUOTES = 0.1, 300
WRONG_ROWS = (
    "{ms},10000.00,9999.00",  # crossed
    "{ms},0,10000.00",
    "{ms},-5,10000.00",
    "{ms},nan,10000.00",
    "{ms},10000.00,inf",
    "{ms},10000.00,1e30",
    "{ms},100,10000.00",  # a spread of almost twice the mid
    "{ms},ten,10000.00",
    "{ms},10000.00",
    "what is this",
)


class Market:
    """A price in cents that is drawn to its mean of late and drifts now and then, so that models have something to
    find even in the small windows of tests."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.ms = START_MS
        self.cents = 1_000_000
        self.mean = 1_000_000.0
        self.drift = 0.0
        self.rise = 0.0
        self.lines = ["time_ms,bid,offer"]

    def quote(self, ms: int | None = None) -> None:
        if self.rise:
            self.cents += round(self.chance.gauss(self.rise, 10))
        else:
            if self.chance.random() < 0.03:
                self.drift = self.chance.choice((-20.0, 0.0, 20.0))
            pull = PULL * (self.mean - self.cents)
            self.cents = max(500_000, self.cents + round(self.chance.gauss(self.drift + pull, 60)))
        self.mean += (self.cents - self.mean) / MEAN_QUOTES
        spread = self.chance.choices((0, 50, 100, 600), (2, 5, 2, 1))[0]
        bid, offer = self.cents, self.cents + spread
        self.lines.append(f"{self.ms if ms is None else ms},{bid / 100:.2f},{offer / 100:.2f}")

    def seconds(self, count: int) -> None:
        """A lively stretch: some quotes a second, bursts, late rows and wrong ones."""
        end = self.ms + 1000 * count
        while self.ms < end:
            self.ms += self.chance.choice((0, 0, 200, 400, 1000, 1000, 2000, 3000))
            self.quote()
            dice = self.chance.random()
            if dice < 0.01:
                for _ in range(80):
                    self.quote(self.ms + self.chance.choice((0, 0, 0, 3)))
                self.ms += 3
            elif dice < 0.02:
                self.quote(self.ms - self.chance.randint(1, 5000) // 5)  # no later than a recorded file may be
            elif dice < 0.04:
                self.lines.append(self.chance.choice(WRONG_ROWS).replace("{ms}", str(self.ms)))


def write(path: Path, seed: int = 1, rounds: int = 1) -> Path:
    """The file, `rounds` times as long: a session with a steady rise in it, a break, and a session with a stale stretch
    in it; every kind of wrong row at least once."""
    market = Market(seed)
    for number in range(rounds):
        market.ms += 700_000 if number else 0
        _round(market)
    path.write_text("\n".join(market.lines) + "\n")
    return path


def _round(market: Market) -> None:
    market.seconds(1100)
    market.rise = 60.0
    market.seconds(560)
    market.rise = 0.0
    market.seconds(300)
    market.ms += 700_000
    market.seconds(400)
    market.lines += [row.replace("{ms}", str(market.ms)) for row in WRONG_ROWS]
    market.ms += 95_000
    market.seconds(500)
