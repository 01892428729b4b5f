"""`tidewheel compare`: one recorded history through several configurations."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from joblib import cpu_count

from backtest import parallel, results
from backtest.parameter_grid import displayed, parameter_grid, parse_variations
from backtest.plan import CONFIGURATIONS_MAX, ComparisonRequest, Configuration
from backtest.text_table import shown
from services.ingest.settings import Settings as Ingest
from services.trainer.settings import Settings as Trainer
from tidewheel.cli.options import Parsed, option_text
from tidewheel.cli.reading_options import READING, as_settings
from tidewheel.cli.registry_access import json_option
from tidewheel.cli.run import PARTITIONS, run
from tidewheel.cli.tables import echo
from tidewheel.contracts.partitioning import partition_of
from tidewheel.domain.feeds import DEFAULT_SYMBOL, REPLAY
from tidewheel.local.clock import this_year
from tidewheel.local.data_dir import check_writable, write_atomically
from tidewheel.local.run_options import MAX, RunOptions, checked, parse_feed
from tidewheel.report.comparison import page
from tidewheel.runtime.settings import PREFIX, SettingsError

# Options that `tidewheel run` has.
RUN_OPTIONS = (
    *("threshold", "orders_per_second", "window", "step", "trials", "memory", "exit_on", "max_holding", "promotion"),
)
# Settings that it leaves to the environment.
INGEST_SETTINGS = ("quiet_s", "stale_s")
TRAINER_SETTINGS = (
    *("due_each", "criterion", "recall_min", "precision_min", "beta", "optimizer", "loss", "positive_weight"),
    *("uniqueness_weights", "early_stopping", "warm_start", "seed"),
)


def _run_options(names: Sequence[str]) -> dict[str, click.Option]:
    """Options as `tidewheel run` has them."""
    known = {parameter.name: parameter for parameter in run.params if isinstance(parameter, click.Option)}
    return {name: known[name] for name in names}


def _settings_options(settings: type[Any], names: Sequence[str]) -> dict[str, click.Option]:
    """A service's settings as options; the environment counts as it does for a run."""
    known = {field.name: field for field in fields(settings)}
    return {
        name: click.Option(
            [f"--{name.replace('_', '-')}"],
            type=Parsed(name.upper(), known[name].metadata["parse"]),
            default=option_text(known[name].default),
            show_default=True,
            envvar=f"{PREFIX}{name.upper()}",
            help=f"{known[name].metadata['meaning']} Takes: {known[name].metadata['parse'].allowed}.",
        )
        for name in names
    }


ENVIRONMENT_OPTIONS = _settings_options(Ingest, INGEST_SETTINGS) | _settings_options(Trainer, TRAINER_SETTINGS)
VARIABLE_OPTIONS = _run_options(RUN_OPTIONS) | ENVIRONMENT_OPTIONS


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--vary",
    "typed",
    multiple=True,
    metavar="NAME=V1,V2,...",
    help="Compare these values of an option below, named without its leading dashes, as in memory=1,8 or "
    f"exit-on=bid,mid. Given again for another option: every combination, at most {CONFIGURATIONS_MAX}.",
)
@click.option("--jobs", type=click.IntRange(1, 1024), metavar="N", help="Processes at work. Default: one a core.")
@click.option(
    "--backend",
    default="loky",
    show_default=True,
    metavar="NAME",
    help="What joblib runs the work by: loky is processes on this machine; dask, or another that is registered, "
    "where files and the temporary folder are seen by all.",
)
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), metavar="PAGE", help="Write an HTML page of it too."
)
@json_option
@click.pass_context
def compare(
    ctx: click.Context,
    /,
    files: tuple[Path, ...],
    typed: tuple[str, ...],
    jobs: int | None,
    backend: str,
    html: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Compare configurations on recorded files.

    Each FILE goes through every configuration as `tidewheel run` would take it, without Kafka and Redis: the same
    models, scorecards and evidence. Options not varied hold for all.
    """
    given["instrument"] = given["instrument"] or DEFAULT_SYMBOL
    values = parse_variations(VARIABLE_OPTIONS, typed, ctx)
    configurations = tuple(
        _configuration(files[0], {**given, **own}, displayed(own)) for own in parameter_grid(values, CONFIGURATIONS_MAX)
    )
    if repeated := [file for file in files if files.count(file) > 1]:
        raise click.UsageError(f"{repeated[0]} is named twice")
    for file in files:
        parallel.check_file(file, configurations[0].labeling.reading)
    parallel.check_backend(backend)
    if html is not None:
        check_writable(html)
    instrument = f"{REPLAY}:{given['instrument']}"
    partition = partition_of(instrument, PARTITIONS)
    request = ComparisonRequest(files, configurations, instrument, partition, jobs or cpu_count(), backend)
    results_by_file = parallel.compare(request)
    compared = results.summarize(request, results_by_file)
    if html is not None:
        write_atomically(html, page(compared))
    if as_json:
        click.echo(json.dumps(results.as_dict(request, results_by_file, compared), allow_nan=False))
    else:
        echo(shown(compared))


compare.params += [*_run_options(["instrument", *READING]).values(), *VARIABLE_OPTIONS.values()]


def _configuration(file: Path, values: Mapping[str, Any], name: Mapping[str, str]) -> Configuration:
    """What a run with these values would tell its services. Raises UsageError where they do not go together."""
    more = {option.upper(): option_text(values[option]) for option in ENVIRONMENT_OPTIONS}
    own = {option: values[option] for option in RUN_OPTIONS}
    try:
        options = checked(
            RunOptions(
                feed=parse_feed(f"{REPLAY}:{file}"),
                symbol=values["instrument"],
                speed=MAX,
                sim_seed=0,
                sim_edge=0.0,
                sim_flip_s=0,
                exit_after_models=None,
                stay=False,
                reading=as_settings(values),
                **{**own, "step": own["step"] or own["window"]},
            )
        )
        return Configuration.of(name, options, more, this_year())
    except (ValueError, SettingsError) as failure:
        raise click.UsageError(str(failure)) from None
