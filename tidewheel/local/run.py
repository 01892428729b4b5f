"""`tidewheel run` from its first check to its last line."""

import os
import shutil
import sys
from pathlib import Path

from confluent_kafka import KafkaException

from tidewheel.local.clock import wall_ns
from tidewheel.local.data_dir import DataDir, PathError, write_atomically
from tidewheel.local.display import Display, display, redirect_stderr, write
from tidewheel.local.processes.signals import ForcedStop, Interrupts, handle_signals
from tidewheel.local.run_request import RunOutputs, RunRequest
from tidewheel.local.servers import run_servers as servers
from tidewheel.local.summary import RunStats, as_json, as_text, summary
from tidewheel.local.system import RunEnd, System
from tidewheel.registry.redis_access import access_of
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.process import EXIT_OK, FatalError

EXIT_INTERRUPTED = 130


def run(request: RunRequest, outputs: RunOutputs) -> int:
    """Run to the end and return the exit code. Raises FatalError (one line) where it cannot start."""
    if request.kafka:
        with redirect_stderr(Path(os.devnull)):
            servers.prepare_external_kafka(request.kafka, request.partitions)
    if request.redis:
        servers.check_external_redis(request.redis)
    data = DataDir(request.data_dir.resolve())
    data.prepare()
    with data.lock_dir(), handle_signals() as interrupts, redirect_stderr(data.log("run")):
        return _guarded(request, outputs, data, interrupts)


def _guarded(request: RunRequest, outputs: RunOutputs, data: DataDir, interrupts: Interrupts) -> int:
    """Whatever happens, no process is left behind."""
    view = display(wall_ns())
    system = System(request, data, view, read_examples=outputs.summary is not None)
    try:
        data.save_run(run_record(request, system))
        _announce(request, system, view)
        ended = _run_to_end(system, interrupts)
        interrupts.ending = True
        view.close()
        return _finish(ended, system, outputs)
    except ForcedStop:
        view.close()
        write(f"killed; the data lies in {request.data_dir}")
        return EXIT_INTERRUPTED
    finally:
        view.close()
        system.kill()


def run_record(request: RunRequest, system: System) -> dict[str, object]:
    """What run.json holds: what may not change when the run is resumed, what may, and where everything listens."""
    where = system.addresses
    return {
        "lasting": request.lasting(),
        "changing": request.options.changing(),
        "addresses": {"kafka": str(where.kafka), "redis": str(access_of(where.redis)), "predictor": where.predictor},
        "metrics_ports": dict(system.ports.metrics),
        **({"prometheus": system.observation.url} if system.observation else {}),
    }


def _announce(request: RunRequest, system: System, view: Display) -> None:
    options = request.options
    view.print(f"{options.traded} from {options.feed} at speed {options.speed}, thresholds ±{options.threshold}")
    view.print(f"data and logs in {request.data_dir}; the predictor will listen on {system.addresses.predictor}")
    if system.observation is not None:
        for line in (*system.observation.places, *system.observation.provision()):
            view.print(line)


def _run_to_end(system: System, interrupts: Interrupts) -> RunEnd:
    try:
        return system.run(interrupts)
    except BrokenPipeError:  # nobody reads the lines any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return RunEnd("nobody reads the output any more", interrupted=True)


def _finish(ended: RunEnd, system: System, outputs: RunOutputs) -> int:
    """Stop in order, tell what came of it, and leave the right exit code."""
    write(ended.message)
    wall_s = system.wall_s
    system.stop_services()
    failure = _report(system, outputs, wall_s, hurried=ended.interrupted or ended.failed)
    system.stop_servers()
    root = system.request.data_dir
    write(f"the data lies in {root}; go on with: {program()} run --data-dir {root}")
    if system.observation is not None:
        write(f"what was measured is kept in {root / 'prometheus'}; with --observe a run that goes on shows it")
    write(f"see what came of it with: {program()} report all --data-dir {root} --out report.html")
    if ended.failed or failure:
        raise FatalError(failure or f"{ended.message} (logs in {root / 'logs'})")
    if ended.interrupted and not open_ended(system.request):
        return EXIT_INTERRUPTED
    return EXIT_OK


def program() -> str:
    """This program as it can be typed again from here."""
    called = Path(sys.argv[0])
    if called.name != "tidewheel" or shutil.which("tidewheel") == str(called):
        return "tidewheel"
    return min(os.path.relpath(called), str(called), key=len)


def open_ended(request: RunRequest) -> bool:
    """Whether only Ctrl-C ends such a run, so that it is no failure to be ended by it."""
    options = request.options
    return options.exit_after_models is None and (options.stay or not options.feed.ends)


def _report(system: System, outputs: RunOutputs, wall_s: float, hurried: bool) -> str:
    """Summary and export; returns what went wrong, empty if nothing did."""
    if system.monitor is None:
        return ""
    if not system.catch_up(hurried) and not hurried:
        return "the topics could not be read to their end; there is no summary"
    stats = RunStats(wall_s, system.monitor.served.all(), system.monitor.probe.count, system.supervisor.restarts())
    with system.monitor.lock:
        values = summary(system.monitor.observed, stats)
    for line in as_text(values):
        write(line)
    try:
        if outputs.summary is not None:
            write_atomically(outputs.summary, as_json(values))
            write(f"summary in {outputs.summary}")
        if outputs.export is not None:
            _export(system.addresses.kafka, outputs.export)
    except FatalError as failure:
        return str(failure)
    return ""


def _export(bootstrap: Broker, folder: Path) -> None:
    """Every topic as files. Raises FatalError."""
    from tidewheel.local.exporting import export_all

    write(f"exporting every topic to {folder} …")
    try:
        files = export_all(bootstrap, folder)
    except OSError as failure:
        raise PathError(f"{folder}: the export failed: {failure.strerror}") from failure
    except KafkaException as failure:
        raise FatalError(f"the export failed: {failure.args[0].str()}") from failure
    write(f"exported {sum(one.rows for one in files.values()):,} rows in {len(files)} files")
    # Of each topic once, though some are written in two ways.
    parquet = {name: one for name, one in files.items() if name.endswith(".parquet") and not name.startswith("bars.")}
    for name, one in parquet.items():
        if one.repeats or one.repeats_shown or one.missing:
            write(f"{name}: {one.repeats + one.repeats_shown:,} records repeat others, {one.missing:,} are missing")
    if left_out := sum(one.undecodable for one in files.values()):
        write(f"left out: {left_out:,} records that cannot be decoded; their reader rejects them as dead letters")
