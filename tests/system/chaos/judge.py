"""Says in what a disturbed run differs from the oracle and from undisturbed runs of the same files. Shares no code
with the services."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from tests import oracle
from tests.system import verifier

ANSWER_LIMIT_S = 20.0
STARTED_LIMIT_S = 60.0
RUN_COLUMNS = ("instrument", "seq", "step", "reason")
ENDS = ("PUBLISHED", "REFUSED", "FAILED")
# What the summary says of a model, but what the wall clock had a part in.
FIGURES = (
    *("instrument", "seq", "sha256", "verdict", "reason", "evidence", "threshold", "base_rate"),
    *("validation", "test", "next", "trials"),
)


def verdicts(folder: Path) -> list[dict[str, Any]]:
    """Everything the summary of a run says of each model that must not depend on speed or disturbances."""
    models = json.loads((folder / "s.json").read_text())["models"]
    return [{name: _lasting(model[name]) for name in FIGURES} for model in models]


def _lasting(figure: Any) -> Any:
    """Without the online baseline, which starts anew with its trainer."""
    return {name: one for name, one in figure.items() if name != "baseline"} if isinstance(figure, dict) else figure


def differences(
    disturbed: Path, undisturbed: Mapping[str, Path], results: Mapping[str, oracle.Result], window: int
) -> list[str]:
    """Of what runs left in their folders: the exports (`out`) and the summaries (`s.json`).

    `undisturbed`: instrument -> the folder of a run on it alone, so that what an instrument comes to must not depend
    on what else is traded beside it either. `results`: instrument -> what the oracle says of it.
    """
    export = disturbed / "out"
    _, faults = verifier.differences(export, results)
    alone: dict[tuple[str, str], str] = {}
    models: list[dict[str, Any]] = []
    windows: dict[str, list[int]] = {}
    for name in sorted(results):
        alone |= verifier.fingerprint(undisturbed[name] / "out")
        models += verdicts(undisturbed[name])
        labels = [example.label for example in results[name].examples()]
        windows[name] = [one.number for one in oracle.windows_of(labels, window, window)]
    if verifier.fingerprint(export) != alone:
        faults.append("the exported records are not those of the undisturbed run")
    return [*faults, *window_faults(export, windows), *model_faults(verdicts(disturbed), models)]


def model_faults(disturbed: list[dict[str, Any]], undisturbed: list[dict[str, Any]]) -> Iterator[str]:
    """Checksums and all figures of the models of two runs."""
    if len(disturbed) != len(undisturbed):
        yield f"{len(disturbed)} windows ended, undisturbed {len(undisturbed)}"
    for one, other in zip(disturbed, undisturbed, strict=False):
        for name in FIGURES:
            if one[name] != other[name]:
                yield (
                    f"model {other['seq']} of {other['instrument']}: {name} is {one[name]}, undisturbed {other[name]}"
                )


def window_faults(export: Path, windows: Mapping[str, list[int]]) -> Iterator[str]:
    """Each window the oracle closes has one end. A crash may repeat its event, with the same words and no others."""
    ends: dict[str, dict[int, set[tuple[str, ...]]]] = {name: {} for name in windows}
    for name, seq, step, reason in verifier.rows(export / "training-runs.parquet", RUN_COLUMNS):
        if step in ENDS:
            ends.setdefault(name, {}).setdefault(seq, set()).add((step, reason))
    for name, ended in ends.items():
        wanted = windows.get(name, [])
        if sorted(ended) != wanted:
            yield f"windows {sorted(ended)} of {name} ended, wanted {wanted}"
        for seq, found in ended.items():
            if len(found) > 1:
                yield f"window {seq} of {name} ended in more than one way: {sorted(found)}"


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
