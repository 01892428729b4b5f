"""`tidewheel feeds` and `tidewheel record`: a live venue by itself, without servers or services."""

import logging
import signal
import sys
import time
from pathlib import Path
from typing import Any

import click

from tidewheel.cli.options import Parsed
from tidewheel.domain.feeds import IG, VENUES, split_symbols
from tidewheel.domain.prices import decimal_text
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.quotes import SourceError
from tidewheel.runtime.process import EXIT_FAILED, EXIT_OK, FatalError, settings_of
from tidewheel.runtime.settings import SettingsError
from tidewheel.venues.adapter import Adapter
from tidewheel.venues.capture import Capture
from tidewheel.venues.catalogue import adapter_of
from tidewheel.venues.frame_log import SUFFIX, Header

CHECK_S = 10.0

venue_argument = click.argument("venue", type=click.Choice(list(VENUES)))
instrument_option = click.option(
    "--instrument",
    metavar="SYMBOL",
    help="BTC-USD, or several with commas between. Default: what the venue has of BTC.",
)
url_option = click.option(
    "--url",
    metavar="URL",
    default="",
    envvar="TIDEWHEEL_VENUE_URL",
    show_envvar=True,
    help="Another address of the venue.",
)

book_option = click.option(
    "--book", is_flag=True, help="Hear the venue's order book, kept here, instead: Coinbase alone has one."
)


def _frames_path(text: str) -> Path:
    if not text.endswith(SUFFIX):
        raise ValueError(f"{text!r} must end in {SUFFIX}, by which replay:{text} knows it")
    return Path(text)


@click.group()
def feeds() -> None:
    """Look at live venues. Starts no server."""


@feeds.command()
@venue_argument
@instrument_option
@url_option
@book_option
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=CHECK_S, show_default=True, help="How long.")
@click.pass_context
def check(ctx: click.Context, /, venue: str, seconds: float, **given: Any) -> None:
    """Listen to VENUE for ten seconds and say what comes.

    Exit code 1 where no quote came: it cannot be reached, does not serve this place or does not trade what is asked
    for, which it says.
    """
    adapter, symbols = _wanted(venue, given["instrument"], by_book=given["book"])
    click.echo(f"{venue}: {', '.join(symbols)} at {given['url'] or ' or '.join(adapter.urls)}, {seconds:g} s")
    captured = _capture(adapter, symbols, given["url"], seconds)
    for line in capture_lines(captured, seconds):
        click.echo(line)
    ctx.exit(EXIT_OK if captured.quotes else EXIT_FAILED)


@click.command()
@venue_argument
@instrument_option
@url_option
@book_option
@click.option("--out", type=Parsed("FILE", _frames_path), required=True, help=f"A new file; its name ends in {SUFFIX}.")
@click.option("--seconds", type=click.FloatRange(0), default=0.0, help="How long; without it until Ctrl-C.")
@click.pass_context
def record(ctx: click.Context, /, venue: str, out: Path, seconds: float, **given: Any) -> None:
    """Write every message of VENUE as it comes, with when it came.

    `tidewheel run --feed replay:FILE` reads it again by the same parser, at any speed.
    """
    # Only here: Arrow alone takes longer than all else.
    from tidewheel.venues.frame_files import FrameWriter

    adapter, symbols = _wanted(venue, given["instrument"], by_book=given["book"])
    try:
        writer = FrameWriter(out, Header(venue, tuple(symbols)))
    except OSError as failure:
        raise FatalError(f"{out} cannot be written: {failure.strerror}") from None
    with writer:
        captured = _capture(adapter, symbols, given["url"], seconds, writer.write)
    click.echo(f"{out}: {sum(captured.quotes.values()):,} quotes by {captured.connections} connections")
    ctx.exit(EXIT_OK if captured.quotes else EXIT_FAILED)


def _wanted(venue: str, instrument: str | None, *, by_book: bool) -> tuple[Adapter, list[str]]:
    symbols = split_symbols(instrument or VENUES[venue])
    try:
        adapter = adapter_of(venue, symbols, by_book=by_book)
    except ValueError as failure:
        raise click.UsageError(str(failure)) from None
    return adapter, symbols


def _capture(adapter: Adapter, symbols: list[str], url: str, seconds: float, tap: Any = lambda _: None) -> Capture:
    from tidewheel.venues.capture import capture, for_seconds
    from tidewheel.venues.opening import open_line

    log = logging.getLogger("tidewheel.feeds")
    logging.basicConfig(stream=sys.stderr, format="%(message)s", level=logging.WARNING)
    asked_to_end: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: asked_to_end.append(number))
    is_over = for_seconds(seconds)
    try:
        opener = _login(adapter.name) if adapter.name == IG else open_line
        ends = lambda one: bool(asked_to_end) or is_over(one)  # noqa: E731
        return capture(adapter, symbols, url, time.time_ns, log, ends, tap, opener)
    except SourceError as failure:
        raise FatalError(str(failure)) from failure
    finally:
        signal.signal(signal.SIGTERM, before)


def _login(venue: str) -> Any:
    """How a connection is opened to a venue that wants a login. Raises FatalError where the settings lack it."""
    from tidewheel.venues.ig_login import openers
    from tidewheel.venues.ig_settings import IgSettings

    try:
        settings = settings_of(IgSettings)
        settings.check_login()
    except (ValueError, SettingsError) as failure:
        raise FatalError(str(failure)) from None
    return openers(settings)[venue]


def capture_lines(captured: Capture, seconds: float) -> list[str]:
    """What came, for people."""
    lines = [f"{captured.connections} connections, {'subscribed' if captured.subscribed else 'never subscribed'}"]
    for instrument, row in sorted(captured.latest.items()):
        count = captured.quotes[instrument]
        line = f"{instrument}: {count:,} quotes, {count / seconds:,.1f} a second, the last "
        line += f"{decimal_text(row.bid_e9)} / {decimal_text(row.offer_e9)}"
        if instrument in captured.skew_ns:
            line += f"; at least {captured.skew_ns[instrument] / NS_PER_S:.3f} s after the venue's own time"
        lines.append(line)
    if captured.flags:
        counted = (f"{count:,} {str(flag.name).lower()}" for flag, count in captured.flags.items())
        lines.append(f"flagged: {', '.join(counted)}")
    if captured.rejected:
        counted = (f"{count:,} {reason}" for reason, count in captured.rejected.items())
        lines.append(f"rejected: {', '.join(counted)}; the first: {captured.first_rejected}")
    if not captured.quotes:
        lines.append("no quote came: is the symbol traded there, and is there a way to the internet?")
    return lines
