"""Where prices come from, as people write it: one grammar for `tidewheel run` and for ingest."""

from dataclasses import dataclass
from pathlib import Path

SIMULATOR = "sim"
STDIN = Path("-")
REPLAY = "replay"
# Live venues, and what is heard at each where nothing is said: some trade against USDT only.
DEFAULT_SYMBOL = "BTC-USD"
IG = "ig"  # the one that wants a login
VENUES = {
    "kraken": DEFAULT_SYMBOL,
    "coinbase": DEFAULT_SYMBOL,
    "binance": "BTC-USDT",
    "okx": "BTC-USDT",
    IG: "CS.D.BITCOIN.TODAY.IP",
}
FORMS = f"sim, replay:<path> or a live venue ({', '.join(VENUES)}; several with commas between)"
# Market seconds after which a simulated market may turn its edge: ten years.
SIM_FLIP_MAX_S = 315_360_000


@dataclass(frozen=True, slots=True)
class Feed:
    """The simulator, live venues, or a recording: a file, a folder, or a pattern like `days/*.csv.gz`. `kind` stands
    before the symbol in the instrument's id; of several venues, each venue's name."""

    kind: str
    path: Path | None = None

    @classmethod
    def parse(cls, text: str) -> "Feed":
        """As FORMS says; the path stays as it is written. Raises ValueError in words for people."""
        kind, colon, path = text.strip().partition(":")
        if kind == REPLAY:
            if not path:
                raise ValueError("give the recorded file too: replay:<path>")
            return cls(REPLAY, Path(path))
        names = [name.strip() for name in kind.split(",")]
        if colon or (kind != SIMULATOR and not set(names) <= VENUES.keys()):
            raise ValueError(f"{text!r} must be {FORMS}")
        if len(set(names)) < len(names):
            raise ValueError(f"{text!r} names a venue twice")
        return cls(",".join(names))

    @property
    def venues(self) -> tuple[str, ...]:
        """The live venues."""
        return () if self.kind in (SIMULATOR, REPLAY) else tuple(self.kind.split(","))

    def instruments(self, symbols: str) -> tuple[str, ...]:
        """The ids of symbols, written with commas between, at each venue."""
        return tuple(f"{kind}:{symbol}" for kind in self.venues or (self.kind,) for symbol in split_symbols(symbols))

    @property
    def default_symbol(self) -> str:
        """What is traded where nothing is said: what the first venue has."""
        return VENUES[self.venues[0]] if self.venues else DEFAULT_SYMBOL

    @property
    def ends(self) -> bool:
        """Whether it ends by itself."""
        return self.kind == REPLAY

    def __str__(self) -> str:
        return f"{self.kind}:{self.path}" if self.path else self.kind


def split_paths(text: str) -> tuple[Path, ...]:
    """`a.csv,b.csv` one by one. Raises ValueError."""
    paths = tuple(Path(part.strip()) for part in text.split(",") if part.strip())
    if not paths or STDIN in paths:
        raise ValueError(f"{text!r} must name recorded files, with commas between")
    return paths


def joined_paths(paths: tuple[Path, ...]) -> str:
    """As `split_paths` reads them."""
    return ",".join(map(str, paths))


def split_symbols(text: str) -> list[str]:
    """`BTC-USD,ETH-USD` one by one."""
    return [symbol.strip() for symbol in text.split(",")]
