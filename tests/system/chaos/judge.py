"""Says in what a disturbed run differs from the oracle and from an undisturbed run of the same file. Shares no code
with the services."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from tests import oracle
from tests.system import verifier

ANSWER_LIMIT_S = 20.0
STARTED_LIMIT_S = 60.0
ENDS = ("PUBLISHED", "REFUSED", "FAILED")
# What the summary says of a model, but what the wall clock had a part in.
FIGURES = (
    *("seq", "sha256", "verdict", "reason", "evidence", "threshold", "base_rate"),
    *("validation", "test", "next", "trials"),
)


def verdicts(folder: Path) -> list[dict[str, Any]]:
    """Everything the summary of a run says of each model that must not depend on speed or disturbances."""
    models = json.loads((folder / "s.json").read_text())["models"]
    return [{name: model[name] for name in FIGURES} for model in models]


def differences(disturbed: Path, undisturbed: Path, instrument: str, result: oracle.Result, window: int) -> list[str]:
    """Of what two runs left in their folders: the exports (`out`) and the summaries (`s.json`)."""
    export = disturbed / "out"
    _, faults = verifier.differences(export, instrument, result)
    if verifier.fingerprint(export) != verifier.fingerprint(undisturbed / "out"):
        faults.append("the exported records are not those of the undisturbed run")
    labels = [example.label for example in result.examples()]
    windows = [one.number for one in oracle.windows_of(labels, window, window)]
    return [*faults, *window_faults(export, windows), *model_faults(verdicts(disturbed), verdicts(undisturbed))]


def model_faults(disturbed: list[dict[str, Any]], undisturbed: list[dict[str, Any]]) -> Iterator[str]:
    """Checksums and all figures of the models of two runs."""
    if len(disturbed) != len(undisturbed):
        yield f"{len(disturbed)} windows ended, undisturbed {len(undisturbed)}"
    for one, other in zip(disturbed, undisturbed, strict=False):
        for name in FIGURES:
            if one[name] != other[name]:
                yield f"model {other['seq']}: {name} is {one[name]}, undisturbed {other[name]}"


def window_faults(export: Path, windows: list[int]) -> Iterator[str]:
    """Each window the oracle closes has one end. A crash may repeat its event, with the same words and no others."""
    ends: dict[int, set[tuple[str, ...]]] = {}
    for seq, step, reason in verifier.rows(export / "training-runs.parquet", ("seq", "step", "reason")):
        if step in ENDS:
            ends.setdefault(seq, set()).add((step, reason))
    if sorted(ends) != windows:
        yield f"windows {sorted(ends)} ended, wanted {windows}"
    for seq, found in ends.items():
        if len(found) > 1:
            yield f"window {seq} ended in more than one way: {sorted(found)}"


def open_transactions(bootstrap: str) -> list[str]:
    """Partitions, the broker's own included, whose last stable offset stands below their end.

    Asked anew while that cannot be said: a broker that has just started has no leaders yet.
    """
    deadline = time.monotonic() + STARTED_LIMIT_S
    while True:
        try:
            return _open_now(AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}))
        except KafkaException:
            if time.monotonic() > deadline:
                raise


def _open_now(admin: AdminClient) -> list[str]:
    topics = admin.list_topics(timeout=ANSWER_LIMIT_S).topics
    places = [TopicPartition(name, number) for name, topic in topics.items() for number in topic.partitions]
    stable = _ends(admin, places, IsolationLevel.READ_COMMITTED)
    end = _ends(admin, places, IsolationLevel.READ_UNCOMMITTED)
    return [
        f"open transaction on {topic} {number}: stable up to {stable[topic, number]}, written up to {high}"
        for (topic, number), high in sorted(end.items())
        if stable[topic, number] != high
    ]


def _ends(admin: AdminClient, places: list[TopicPartition], level: IsolationLevel) -> dict[tuple[str, int], int]:
    asked = dict.fromkeys(places, OffsetSpec.latest())
    answers = admin.list_offsets(asked, isolation_level=level, request_timeout=ANSWER_LIMIT_S)
    return {(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}
