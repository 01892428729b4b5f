"""`tidewheel scenario`: a fault on a run that is looked at, and the alert that it brings."""

import time
from pathlib import Path

import click

from tidewheel.cli.run import DATA_HOME
from tidewheel.local.clock import steady_s
from tidewheel.local.observing.prometheus_api import Prometheus
from tidewheel.local.processes.signals import signals_interrupt
from tidewheel.local.scenarios.conduct import Conductor, introduction
from tidewheel.local.scenarios.declared import SCENARIOS
from tidewheel.local.scenarios.going_run import GoingRun, going_run, newest_going
from tidewheel.local.scenarios.verdict import Verdict

LIST, ALL = "list", "all"
OVER = "over"


@click.command()
@click.argument("name", metavar="NAME", type=click.Choice([LIST, ALL, *SCENARIOS]))
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help=f"The run that is meant, which goes on and is observed. Default: the newest such one under {DATA_HOME}.",
)
@click.option(
    "--until",
    type=click.Choice(["fires", OVER]),
    default=OVER,
    show_default=True,
    help="Where it ends: when the alert fires, or when it is over too, which takes up to ten minutes more.",
)
@click.pass_context
def scenario(ctx: click.Context, /, name: str, data_dir: Path | None, until: str) -> None:
    """Do a fault to a run that is looked at, and see whether its alert fires and no other.

    \b
    list: what each does, what to watch, which alert is to fire
    all: one after the other, an hour and a quarter

    Needs a run with --observe, as `make observe` starts it. Says what it will do and which panels to watch, marks its
    steps on all dashboards, does it, waits for the alert, and undoes it, also on Ctrl-C. Only processes and records of
    that run are touched. Exit code 0 where the right alert fired and none other.
    """
    if name == LIST:
        click.echo("\n\n".join("\n".join(introduction(one)) for one in SCENARIOS.values()))
        return
    run = going_run(data_dir or newest_going(Path(DATA_HOME)))
    with signals_interrupt():
        verdicts = [_conducted(one, run, until) for one in (SCENARIOS if name == ALL else (name,))]
    if len(verdicts) > 1:
        click.echo("\n".join(["", *(verdict.text for verdict in verdicts)]))
    if not all(verdict.holds for verdict in verdicts):
        ctx.exit(1)


def _conducted(name: str, run: GoingRun, until: str) -> Verdict:
    conductor = Conductor(SCENARIOS[name], run, Prometheus(run.prometheus), click.echo, steady_s, time.sleep)
    verdict = conductor.conduct(until_over=until == OVER)
    click.echo(verdict.text)
    return verdict
