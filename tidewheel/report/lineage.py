"""Where the model comes from, and how to make it again."""

import json

from tidewheel.domain.models import Lineage, Model, ModelRecord
from tidewheel.report.markup import Markup, joined, tag
from tidewheel.report.story import Story
from tidewheel.report.tables import pairs, time
from tidewheel.report.words import count, setting


def section(story: Story) -> Markup:
    """Rows, configuration, checksum, and the command that re-makes the same bytes."""
    return _of_model(story, story.model) if story.model else _of_run(story)


def _of_model(story: Story, model: Model) -> Markup:
    lineage, own = model.lineage, model.hyperparameters
    facts = (
        ("topic", lineage.topic),
        ("partition", lineage.partition),
        ("offsets", _offsets(story.record)),
        ("example_seq", _range(lineage.first_example_seq, lineage.last_example_seq)),
        ("remembered", _remembered(lineage)),
        ("first order placed", time(model.first_placed_ns)),
        ("last order resolved", time(model.last_resolved_ns)),
        ("search started from", lineage.started_from),
        ("bias", setting(own.use_bias)),
        ("l1", setting(own.l1)),
        ("learning rate", setting(own.learning_rate)),
        ("positive weight", setting(own.positive_example_weight_mult)),
        ("wd", setting(own.wd)),
        ("mini-batch", own.mini_batch_size),
        ("features schema", code(model.schema_hash.hex())),
        ("sha256 of the model", code(story.sha256)),
        ("signed", "yes" if story.record and story.record.hmac_sha256 else "no"),
    )
    config = tag("pre", tag("code", _pretty(lineage.training_config)))
    return joined((pairs(facts), tag("h3", "Training configuration"), config, _again(story)))


def _of_run(story: Story) -> Markup:
    facts = (
        ("example_seq", _range(*story.examples) if story.examples else None),
        ("offsets", _offsets(story.record)),
        ("sha256 of the model", code(story.sha256) if story.sha256 else None),
    )
    missing = "The model is not here, so its configuration is not known." if story.sha256 else "The run left no model."
    return joined((pairs(facts), tag("p", missing, class_="missing")))


def _again(story: Story) -> Markup:
    known = story.known
    command = f"tidewheel models rebuild {known.seq} --instrument {known.instrument}"
    words = "Trains the model again from the log alone and compares the bytes, as long as the log holds its rows:"
    return joined((tag("h3", "Make it again"), tag("p", words), tag("pre", tag("code", command))))


def code(words: str) -> Markup:
    return tag("code", words, class_="hash")


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
