"""Records kept from the past are decoded for ever, to the same values."""

import json
from pathlib import Path

import pytest

from tests.conformance.records import CODECS, FOLDER, differences, plain
from tests.conformance.wiring import CODECS as TOPIC_CODECS
from tidewheel.contracts.topics import TOPICS

KEPT = sorted(FOLDER.glob("*/*.bin"))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_kept_record_reads_as_it_did(path: Path) -> None:
    _, decode = CODECS[path.stem.rpartition(".")[2]]
    assert differences(json.loads(path.with_suffix(".json").read_text()), plain(decode(path.read_bytes()))) == []


@pytest.mark.parametrize("topic", TOPICS)
def test_every_message_of_a_topic_has_an_example(topic: str) -> None:
    kinds = {path.stem.rpartition(".")[2] for path in KEPT if path.parent.name == topic}
    assert kinds >= set(TOPIC_CODECS[topic])


def test_no_example_is_an_orphan() -> None:
    assert {path.parent.name for path in KEPT} == {*TOPICS, "registry"}
    assert {path.with_suffix("") for path in FOLDER.glob("*/*")} == {path.with_suffix("") for path in KEPT}
    assert all(path.with_suffix(".json").exists() for path in KEPT)
    assert {path.stem.rpartition(".")[2] for path in KEPT} == set(CODECS)


def test_a_planted_change_is_noticed() -> None:
    kept = {"second": 1, "quotes": {"bid_e9": [1, 2]}}
    assert differences(kept, {"second": 1, "quotes": {"bid_e9": [1, 2], "new": 3}, "new": 4}) == []
    assert differences(kept, {"second": 1, "quotes": {"bid_e9": [1, 3]}}) == ["quotes.bid_e9 was [1, 2], is [1, 3]"]
    assert differences(kept, {"quotes": {"bid_e9": [1, 2]}}) == ["second was 1, is '(gone)'"]
