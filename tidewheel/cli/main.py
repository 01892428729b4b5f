"""The `tidewheel` program. Each command lives in a module of its own, imported only when it is called."""

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from tidewheel.runtime.process import EXIT_BAD_SETTINGS, EXIT_FAILED, FatalError

EXIT_INTERRUPTED = 130

# Command -> (module:attribute, one line of help). A stranger reads the help without importing Kafka, Faust or gRPC.
COMMANDS = {
    "run": ("tidewheel.cli.run:run", "Run the whole system on this machine, with a live view."),
    "scenario": (
        "tidewheel.cli.scenario:scenario",
        "Do a fault to a run that is looked at, and see whether its alert fires and no other.",
    ),
    "watch": ("tidewheel.cli.watch:watch", "Show the live view of a system that runs elsewhere."),
    "predict": (
        "tidewheel.cli.predict:predict",
        "Ask the predictor for a score: an instrument now, or features from a file.",
    ),
    "load": ("tidewheel.cli.load:load", "Call the predictor at a steady rate, for demonstrations."),
    "models": ("tidewheel.cli.models:models", "List, show, compare, rebuild, export the models; promote, roll back."),
    "data": ("tidewheel.cli.data:data", "Check a recorded file, or convert it to Parquet."),
    "feeds": ("tidewheel.cli.feeds:feeds", "Hear a live venue for a moment, and say what comes."),
    "record": ("tidewheel.cli.feeds:record", "Write a live venue's messages to a file that can be replayed."),
    "compare": ("backtest.command:compare", "Compare configurations on recorded files, without Kafka and Redis."),
    "report": ("tidewheel.cli.report:report", "Draw a training run as one self-contained HTML page."),
    "topics": ("tidewheel.cli.topics:topics", "Create, check or read the topics; who may use them."),
    "registry": ("tidewheel.cli.acls:registry", "Print what the registry's Redis must allow each service."),
    "export": ("tidewheel.cli.export:export", "Write a topic to a .parquet, .csv or .jsonl file."),
    "verify-log": ("tidewheel.cli.verify_log:verify_log", "Check that the log is contiguous, once each and in order."),
    "audit": ("tidewheel.cli.audit:audit", "Hold what callers got against the labels of the same instants."),
    "ingest": ("tidewheel.cli.services:ingest", "Service: a feed's quotes -> market seconds."),
    "orderbot": ("tidewheel.cli.services:orderbot", "Service: market seconds -> mock orders."),
    "labeler": ("tidewheel.cli.services:labeler", "Service: market seconds and orders -> labelled examples."),
    "trainer": ("tidewheel.cli.services:trainer", "Service: examples -> a tuned model a window, in Redis."),
    "predictor": ("tidewheel.cli.services:predictor", "Service: gRPC predictions by the newest verified model."),
}


class LazyGroup(click.Group):
    """Knows all commands by name, imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="tidewheel", prog_name="tidewheel")
def tidewheel() -> None:
    """Label a live price stream, keep a tuned model fresh on it, and serve predictions.

    Start with `tidewheel run`. Each command explains itself with --help.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code: 2 with one line for a wrong command line, 1 with one line for what
    cannot be done now."""
    try:
        result = tidewheel.main(args=arguments, prog_name="tidewheel", standalone_mode=False)
    except click.UsageError as failure:
        return _print_error(failure.format_message(), EXIT_BAD_SETTINGS)
    except (click.ClickException, FatalError) as failure:
        message = failure.format_message() if isinstance(failure, click.ClickException) else str(failure)
        return _print_error(message, EXIT_FAILED)
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    return result if isinstance(result, int) else 0


def _print_error(message: str, code: int) -> int:
    sys.stderr.write("tidewheel: " + " ".join(message.split()) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
