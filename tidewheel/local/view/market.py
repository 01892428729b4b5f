"""Panels of the market, the orders and the window that fills."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from tidewheel.domain.market import SourceKind
from tidewheel.domain.orders import Outcome
from tidewheel.local.monitoring.observed import InstrumentState
from tidewheel.local.monitoring.rates import Rates
from tidewheel.local.view.charts import bar, sparkline
from tidewheel.local.view.frame import Frame
from tidewheel.presentation.numbers import NONE, price, rate
from tidewheel.presentation.times import market_time, timer

KINDS = {SourceKind.LIVE: "live", SourceKind.REPLAY: "recorded", SourceKind.SIMULATED: "simulated"}
WAITING = Text("waiting for the first quote …", style="dim")


def market(frame: Frame, width: int) -> Group | Text:
    """Price, spread, the last minutes, and how fast quotes come; four lines."""
    instrument = frame.instrument
    if instrument is None or instrument.market.second < 0:
        return WAITING
    now = instrument.market
    spread = now.offer_e9 - now.bid_e9
    bps = 10_000 * spread / (now.bid_e9 + spread / 2)
    quote = Text.assemble(
        ("bid ", "dim"), (price(now.bid_e9), "bold"), ("  offer ", "dim"), (price(now.offer_e9), "bold")
    )
    kind = ("  STALE", "bold yellow") if now.stale else (f"  {KINDS[now.source_kind]}", "dim")
    spread_line = Text.assemble(("spread ", "dim"), price(spread, now.bid_e9), f" ({bps:.1f} bps)", kind, no_wrap=True)
    line = sparkline(now.mids_e9, width)
    return Group(quote, spread_line, Text(line, style="cyan", no_wrap=True), _pace(instrument, frame.rates))


def _pace(instrument: InstrumentState, rates: Rates) -> Text:
    now = instrument.market
    if now.source_kind is SourceKind.LIVE:  # its speed is that of the clock
        pace = (f" ticks/s  {now.health.gaps:,} gaps, {now.health.rejected:,} rejected ", "dim")
        return Text.assemble((rate(rates.ticks_per_s), "bold"), pace, no_wrap=True, overflow="ellipsis")
    return Text.assemble(
        (rate(rates.ticks_per_s), "bold"),
        (" ticks/s  × ", "dim"),
        (rate(rates.speed), "bold"),
        (f"  {now.ticks:,} ticks", "dim"),
        no_wrap=True,
        overflow="ellipsis",
    )


def orders(frame: Frame, width: int) -> Group | Text:
    """Open orders and how the others ended; four lines."""
    if frame.instrument is None:
        return Text("none yet", style="dim")
    counts = frame.instrument.orders
    unplaced = counts.not_placed.total()
    profit, loss = counts.outcomes[Outcome.PROFIT], counts.outcomes[Outcome.LOSS]
    touched = max(1, profit + loss)
    room = max(4, width - 26)
    head = Text.assemble(
        ("open ", "dim"), (f"{counts.open:,}", "bold"), (f"  placed {counts.placed:,}, not {unplaced:,}", "dim")
    )
    rows = [
        Text.assemble(
            (f"{name:<7}", style),
            f"{count:>9,} ",
            (bar(count / touched, room), style),
            f" {100 * count / touched:3.0f} %",
        )
        for name, count, style in (("PROFIT", profit, "green"), ("LOSS", loss, "red"))
    ]
    rest = Text.assemble(
        ("EXPIRED ", "dim"),
        f"{counts.outcomes[Outcome.EXPIRED]:,}",
        ("  VOID ", "dim"),
        f"{counts.outcomes[Outcome.VOID]:,}",
    )
    return Group(head, *rows, rest)


def window(frame: Frame, width: int) -> Table | Text:
    """How far the next window is, and when it may close, or what is waited for when none will; one line."""
    instrument, windowing = frame.instrument, frame.windowing
    if instrument is None or windowing is None:
        examples = instrument.orders.examples if instrument else 0
        return Text(f"{examples:,} examples; the window size shows with the first window", style="dim")
    if frame.awaited:
        return Text(f"the feed has ended; {frame.awaited}", style="bold", no_wrap=True, overflow="ellipsis")
    examples = instrument.orders.examples
    closed = windowing.closed_by(examples)
    end = windowing.last_example_seq(closed + 1)
    need = windowing.step if closed else windowing.size
    have = need - (end - examples)
    examples_per_s = frame.rates.examples_per_s
    left = (
        f"about {timer((end - examples) / examples_per_s)} left" if examples_per_s > 0 else _why_no_examples(instrument)
    )
    words = f" {have:,} of {need:,} examples, {left}"
    grid = Table.grid(expand=True)
    grid.add_column(width=11)
    grid.add_column(ratio=1)
    room = max(8, width - 11 - len(words))
    grid.add_row(Text(f"window {closed + 1:<3} ", style="bold"), Text.assemble((bar(have / need, room), "cyan"), words))
    return grid


def _why_no_examples(instrument: InstrumentState) -> str:
    if instrument.orders.examples == 0 and instrument.market.bars:
        return "after ten minutes of market"
    return "none coming now"


def headline(frame: Frame) -> Text:
    """What runs, and where its market time stands."""
    instrument = frame.instrument
    second = instrument.market.second if instrument else -1
    when = market_time(second) if second >= 0 else NONE
    return Text.assemble(
        (" tidewheel ", "bold reverse"),
        f" {frame.title}",
        (f"  {frame.position}" if frame.position else "", "bold cyan"),
        ("  market ", "dim"),
        (when, "bold"),
        ("  up ", "dim"),
        timer(frame.up_s),
        no_wrap=True,
        overflow="ellipsis",
    )
