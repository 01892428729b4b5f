"""`tidewheel run`: the whole system on this machine."""

import glob
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from tidewheel.cli.guarded import guarded
from tidewheel.cli.options import FiniteRange, Parsed, kafka_at, redis_at
from tidewheel.cli.piped import keep_piped
from tidewheel.cli.reading_options import READING, as_options, as_settings, reading_options
from tidewheel.domain.feeds import SIM_FLIP_MAX_S, STDIN, Feed
from tidewheel.domain.prices import Threshold
from tidewheel.local import run_options
from tidewheel.local.clock import this_year, wall_stamp
from tidewheel.local.data_dir import DataDir, check_writable, make_folder
from tidewheel.local.observing.request import observe_request
from tidewheel.local.run_options import RunOptions, changed_since, checked, default_speed
from tidewheel.local.run_request import RunOutputs, RunRequest
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.place_mark import PlaceMark
from tidewheel.recordings.quotes import SourceError
from tidewheel.registry.urls import MASK
from tidewheel.runtime.process import FatalError
from tidewheel.venues.frame_log import SUFFIX as FRAMES_SUFFIX

DATA_HOME = "tidewheel-data"
PARTITIONS = 2
# Options that a resumed run takes from the run before it, where they are not given again.
LASTING = (
    *("feed", "instrument", "threshold", "orders_per_second", "window", "step", "exit_on", "max_holding"),
    *("sim_seed", "sim_edge", "sim_flip_s", "warm_up", "kafka", "redis"),
    *READING,
)
CHANGING = ("speed", "trials", "memory", "promotion")


def parse_grafana(text: str) -> str:
    """`http://host:port`, without a name or password in it. Raises ValueError."""
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError(f"{text!r} must look like http://127.0.0.1:3000")
    return text.strip()


def _redis_url(text: str) -> str:
    # Only here, as below: a client of Redis takes a quarter of the time in which a refusal is to come.
    from tidewheel.registry.client import checked_url

    return checked_url(text)


@click.command()
@click.option(
    "--feed",
    type=Parsed("FEED", run_options.parse_feed),
    default="sim",
    show_default=True,
    metavar="sim|kraken|…|replay:PATH",
    help="Where prices come from: a simulated market, a live venue (kraken, coinbase, binance, okx, ig, or several "
    "with commas between), or recorded files: one, a folder or a pattern of them, merged by "
    "time, or - for what comes by a pipe. CSV or Parquet of any known layout, packed or not.",
)
@click.option(
    "--warm-up",
    type=Parsed("FILES", run_options.parse_warm_up),
    metavar="FILE[,FILE…]",
    help="Before a live feed: recorded quotes of its one instrument, or what `tidewheel record` wrote of its venue, "
    "replayed first and as fast as it goes, so that there is a model within minutes. What follows live is a session of "
    "its own.",
)
@reading_options
@click.option(
    "--instrument",
    metavar="SYMBOL",
    help="What is traded; its id gets the feed before it, as in sim:BTC-USD. Of a live feed several, with commas "
    "between. Default: BTC-USD, or BTC-USDT where a venue has that only.",
)
@click.option(
    "--speed",
    type=Parsed("SPEED", run_options.parse_speed),
    metavar="N|max",
    help="How much faster than real time. Default: 60 for the simulator, max for a recorded file; a live venue has its "
    "own.",
)
@click.option(
    "--threshold",
    type=Parsed("THRESHOLD", Threshold.parse),
    default="10",
    show_default=True,
    metavar="10|15bps",
    help="How far the price must move for PROFIT or LOSS: quote currency, or basis points of the entry price.",
)
@click.option(
    "--orders-per-second",
    type=click.IntRange(1, 1000),
    default=5,
    show_default=True,
    help="Mock orders bought each second of market.",
)
@click.option(
    "--window",
    type=click.IntRange(200, 1_000_000),
    default=10_000,
    show_default=True,
    help="Resolved orders that make one model.",
)
@click.option(
    "--step",
    type=click.IntRange(1, 1_000_000),
    help="Resolved orders from one model to the next; smaller refreshes sooner. Default: the window.",
)
@click.option(
    "--trials", type=click.IntRange(1, 1000), default=10, show_default=True, help="Settings tried for each model."
)
@click.option(
    "--memory",
    type=click.IntRange(1, 64),
    default=12,
    show_default=True,
    metavar="WINDOWS",
    help="Windows a model may learn from, as long as the market has not turned since. 1: its own alone.",
)
@click.option(
    "--exit-on",
    type=click.Choice(["bid", "mid", "offer"]),
    default="bid",
    show_default=True,
    help="The price that must touch a threshold; a seller gets the bid, the others are for comparison.",
)
@click.option(
    "--max-holding",
    type=FiniteRange(1, 31_536_000),
    metavar="SECONDS",
    help="Give an order up as EXPIRED after this long. Default: hold it until a touch.",
)
@click.option(
    "--promotion",
    type=click.Choice(["fresh", "proven"]),
    default="fresh",
    show_default=True,
    help="Which model serves. fresh: the newest valid one. proven: only one whose procedure is shown better on later "
    "windows, 8 at least for the first; the newest of the others is kept as the candidate, and `tidewheel models "
    "promote` makes it serve.",
)
@click.option(
    "--sim-seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="Simulator: the seed."
)
@click.option(
    "--sim-edge",
    type=FiniteRange(0, 1),
    default=1.0,
    show_default=True,
    help="Simulator: strength of the planted pattern that a model can find; 0 is pure chance.",
)
@click.option(
    "--sim-flip-s",
    type=click.IntRange(0, SIM_FLIP_MAX_S),
    default=0,
    show_default=True,
    metavar="S",
    help="Simulator: plant a pattern whose sign turns after this many seconds of market; 0 plants the usual one, "
    "which never turns.",
)
@click.option(
    "--exit-after-models",
    type=click.IntRange(1),
    metavar="K",
    help="End with code 0 once K models have been served and each has answered a prediction.",
)
@click.option("--stay", is_flag=True, help="Do not end when a recorded file is done.")
@click.option(
    "--summary",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what came of it as one JSON object.",
)
@click.option(
    "--export",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write every topic as Parquet at the end; transactions and bars as CSV too.",
)
@click.option(
    "--kafka",
    type=Parsed("ADDRESS", run_options.parse_bootstrap),
    metavar="ADDRESS",
    help="Use the Kafka that runs there, like 127.0.0.1:9092. Default: start one.",
)
@click.option(
    "--redis",
    type=Parsed("URL", _redis_url),
    metavar="URL",
    help="Use the Redis that runs there, like redis://127.0.0.1:6379/0. Default: start one.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help=f"Where topics, models and logs are kept; one of an earlier run goes on with it. "
    f"Default: a new one under {DATA_HOME}.",
)
@click.option(
    "--observe",
    is_flag=True,
    help="Start Prometheus too, with our rules and alerts, and Grafana with our dashboards where it is installed. "
    "Prometheus must be on PATH.",
)
@click.option(
    "--grafana",
    type=Parsed("URL", parse_grafana),
    metavar="URL",
    help="With --observe: put data source and dashboards into the Grafana that runs there, on this machine. Its token "
    "comes from TIDEWHEEL_GRAFANA_TOKEN, or from the file that TIDEWHEEL_GRAFANA_TOKEN_FILE names.",
)
@click.pass_context
def run(ctx: click.Context, /, **given: Any) -> None:
    """Run the whole system on this machine, with a live view.

    A real Kafka broker, a real Redis and the five services, until Ctrl-C, or until a recorded file is done. A service
    that crashes is started again. Where the output is no terminal, plain lines take the place of the view.
    """
    data_dir = given.pop("data_dir") or Path(DATA_HOME) / wall_stamp()
    outputs = RunOutputs(given.pop("summary"), given.pop("export"))
    observe, grafana = given.pop("observe"), given.pop("grafana")
    if grafana and not observe:
        raise click.UsageError("--grafana goes with --observe")
    typed = {name: value for name, value in given.items() if _typed(ctx, name)}
    previous_run = DataDir(data_dir).previous_run() or {}
    wanted = {**given, **_remembered(ctx, previous_run), **typed}
    kafka, redis = wanted.pop("kafka"), wanted.pop("redis")
    if wanted["feed"].path == STDIN:
        wanted["feed"] = replace(wanted["feed"], path=_spooled(data_dir))
    reading = as_options(wanted, this_year())
    options = _options(wanted)
    observation = observe_request(grafana or "") if observe else None
    if "instrument" in typed and options.watched is None:
        raise click.UsageError(f"--instrument-column {options.column} names the instruments: leave --instrument out")
    servers = kafka_at(kafka) if kafka else None, redis_at(redis) if redis else None
    request = RunRequest(options, data_dir, *servers, PARTITIONS, observation)
    if changed := changed_since(previous_run.get("lasting", {}), request.lasting()):
        raise click.UsageError(f"{data_dir} belongs to a run with other settings: {'; '.join(changed)}")
    if redis and "redis" not in typed and MASK in redis:
        raise click.UsageError("the password of Redis is not kept with the run: give --redis again")
    _check_feed(options.feed, reading)
    if not previous_run:  # once it has been replayed it may be gone
        for path in options.warm_up:
            _check_recorded("--warm-up", path, reading)
    _check_places(outputs)
    ctx.exit(run_system(request, outputs))


def run_system(request: RunRequest, outputs: RunOutputs) -> int:
    """Run to the end and return the exit code."""
    # Only here: what runs the system takes longer to load than all that may refuse it.
    from tidewheel.local.run import run as run_to_the_end

    return run_to_the_end(request, outputs)


def _typed(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is not ParameterSource.DEFAULT


def _remembered(ctx: click.Context, previous_run: dict[str, Any]) -> dict[str, Any]:
    """Values of an earlier run as if typed again. Raises FatalError where its run.json makes no sense."""
    kept = {**previous_run.get("changing", {}), **previous_run.get("lasting", {})}
    types = {parameter.name: parameter for parameter in ctx.command.params}
    try:
        return {
            name: types[name].type_cast_value(ctx, None if value is None else str(value))
            for name, value in kept.items()
            if name in (*LASTING, *CHANGING)
        }
    except click.BadParameter as failure:
        raise FatalError(f"what is kept of the earlier run cannot be used: {failure.format_message()}") from failure


def _options(wanted: dict[str, Any]) -> RunOptions:
    """Raises UsageError where the options do not go together."""
    feed: Feed = wanted.pop("feed")
    reading = as_settings({name: wanted.pop(name) for name in READING})
    try:
        return checked(
            RunOptions(
                feed=feed,
                symbol=wanted.pop("instrument") or feed.default_symbol,
                reading=reading,
                warm_up=wanted.pop("warm_up") or (),
                speed=wanted.pop("speed") or default_speed(feed),
                step=wanted.pop("step") or wanted["window"],
                **wanted,
            )
        )
    except ValueError as failure:
        raise click.UsageError(str(failure)) from None


def _spooled(data_dir: Path) -> Path:
    """What comes by a pipe as a file of the run, since it is read again after a crash."""
    return keep_piped((data_dir / "stdin").resolve())


def _check_feed(feed: Feed, reading: ReadingOptions) -> None:
    """Read the beginning of a recording and show how it is understood, before anything is started."""
    if feed.path is not None:
        _check_recorded("--feed", feed.path, reading)


def _check_recorded(option: str, path: Path, reading: ReadingOptions) -> None:
    if not path.exists() and not glob.has_magic(str(path)):
        raise click.UsageError(f"{option}: there is no file {path}")
    if path.name.endswith(FRAMES_SUFFIX):
        click.echo(_check_frames(path))
        return

    def beginning(mark: PlaceMark) -> list[str]:
        # Only here: Arrow alone takes longer than all else.
        from tidewheel.recordings.recording import Recording

        return Recording(path, reading, mark).check_beginning()

    try:
        for line in guarded(beginning):
            click.echo(line)
    except SourceError as failure:
        raise FatalError(str(failure)) from failure


def _check_frames(path: Path) -> str:
    """What a recording of a venue's messages holds. Raises FatalError where it is none."""
    from tidewheel.venues.frame_files import FrameFile

    try:
        header = FrameFile(path).header
    except SourceError as failure:
        raise FatalError(str(failure)) from failure
    return f"{path.name}: messages of {header.venue}, of {', '.join(header.symbols)}"


def _check_places(outputs: RunOutputs) -> None:
    """What will be written can be."""
    if outputs.summary is not None:
        check_writable(outputs.summary)
    if outputs.export is not None:
        make_folder(outputs.export)
