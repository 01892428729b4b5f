"""Where the model comes from, and how to make it again."""

import json

from markupsafe import Markup

from tidewheel.domain.models import Lineage, Model, ModelRecord
from tidewheel.presentation.numbers import count
from tidewheel.presentation.typography import hyperparameter
from tidewheel.report.markup import joined, tag
from tidewheel.report.run_report import RunReport
from tidewheel.report.tables import definition_list, time


def section(report: RunReport) -> Markup:
    """Rows, configuration, checksum, and the command that re-makes the same bytes."""
    return _of_model(report, report.model) if report.model else _of_run(report)


def _of_model(report: RunReport, model: Model) -> Markup:
    lineage, own = model.lineage, model.hyperparameters
    entries = (
        ("topic", lineage.topic),
        ("partition", lineage.partition),
        ("offsets", _offsets(report.record)),
        ("example_seq", _range(lineage.first_example_seq, lineage.last_example_seq)),
        ("remembered", _remembered(lineage)),
        ("first order placed", time(model.first_placed_ns)),
        ("last order resolved", time(model.last_resolved_ns)),
        ("search started from", lineage.started_from),
        ("bias", hyperparameter(own.use_bias)),
        ("l1", hyperparameter(own.l1)),
        ("learning rate", hyperparameter(own.learning_rate)),
        ("positive weight", hyperparameter(own.positive_example_weight_mult)),
        ("wd", hyperparameter(own.wd)),
        ("mini-batch", own.mini_batch_size),
        ("features schema", code(model.schema_hash.hex())),
        ("sha256 of the model", code(report.sha256)),
        ("signed", "yes" if report.record and report.record.hmac_sha256 else "no"),
    )
    config = tag("pre", tag("code", _pretty(lineage.training_config)))
    return joined((definition_list(entries), tag("h3", "Training configuration"), config, _again(report)))


def _of_run(report: RunReport) -> Markup:
    entries = (
        ("example_seq", _range(*report.examples) if report.examples else None),
        ("offsets", _offsets(report.record)),
        ("sha256 of the model", code(report.sha256) if report.sha256 else None),
    )
    missing = "The model is not here, so its configuration is not known." if report.sha256 else "The run left no model."
    return joined((definition_list(entries), tag("p", missing, class_="missing")))


def _again(report: RunReport) -> Markup:
    sources = report.sources
    command = f"tidewheel models rebuild {sources.seq} --instrument {sources.instrument}"
    text = "Trains the model again from the log alone and compares the bytes, as long as the log holds its rows:"
    return joined((tag("h3", "Make it again"), tag("p", text), tag("pre", tag("code", command))))


def code(text: str) -> Markup:
    return tag("code", text, class_="hash")


def _range(first: int, last: int) -> str:
    return f"{count(first)} to {count(last)}"


def _remembered(lineage: Lineage) -> str | None:
    """Each window before its own, and what a row of it is worth beside one of its own."""
    return ", ".join(f"window {one.seq} × {one.weight:.2f}" for one in lineage.memory) or None


def _offsets(record: ModelRecord | None) -> str | None:
    """Both are 0 where they are not known."""
    return _range(record.first_offset, record.last_offset) if record and record.last_offset else None


def _pretty(config: str) -> str:
    try:
        return json.dumps(json.loads(config), indent=2)
    except ValueError:
        return config
