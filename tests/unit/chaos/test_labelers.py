"""Which ends of an added labeler are right: those it was meant to have, and no others."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.chaos.labelers import KAFKA_AWAY, TAKEN_OVER, Labeler, Labelers


def ended(folder: Path, code: int, last_words: str, **how: bool) -> Labeler:
    process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"], start_new_session=True)
    process.wait()
    (folder / "labeler.log").write_text(f"something before\n{last_words}\n")
    return Labeler("1", process, folder / "labeler.log", **how)


@pytest.mark.parametrize(
    ("code", "last_words", "how"),
    [
        (0, "labeler INFO stopped", {"asked_to_end": True}),
        (1, f"labeler ERROR {KAFKA_AWAY[0]} 30 s: x", {"broker_away": True}),
        (1, f"labeler ERROR {KAFKA_AWAY[1]} 10 s; x", {"asked_to_end": True, "broker_away": True}),
        (1, f"labeler ERROR {TAKEN_OVER}: x", {"replaced": True}),
        (1, f"labeler ERROR {TAKEN_OVER}: x\n%0|1.5|FATAL|words of librdkafka", {"replaced": True}),
        (1, f"labeler ERROR {TAKEN_OVER}: x", {"rivalled": True, "asked_to_end": True}),
    ],
)
def test_it_may_end_as_it_was_asked_to_or_for_want_of_a_broker(
    tmp_path: Path, code: int, last_words: str, how: dict[str, bool]
) -> None:
    assert ended(tmp_path, code, last_words, **how).fault() == ""


@pytest.mark.parametrize(
    ("code", "last_words", "how"),
    [
        (0, "labeler INFO stopped", {}),
        (1, "labeler ERROR labels made again differ", {}),
        (1, f"labeler ERROR {TAKEN_OVER}: x", {}),
        (1, "KafkaException", {"asked_to_end": True}),
        (0, "labeler INFO stopped", {"replaced": True}),
        (1, "KafkaException", {"rivalled": True}),
        (1, f"labeler ERROR {KAFKA_AWAY[0]} 30 s: x", {"replaced": True}),
        (1, f"labeler ERROR {KAFKA_AWAY[0]} 30 s: x", {"broker_away": False}),
        (1, "labeler ERROR no transaction succeeds any more: x", {"broker_away": True}),
    ],
)
def test_any_other_end_is_a_fault(tmp_path: Path, code: int, last_words: str, how: dict[str, bool]) -> None:
    assert f"ended with code {code}: {last_words}" in ended(tmp_path, code, last_words, **how).fault()


def test_an_end_is_told_with_the_broker_as_it_was_then(tmp_path: Path) -> None:
    one = ended(tmp_path, 1, "x")
    labelers = Labelers(tmp_path, [one])
    for away in (True, False):
        labelers.look(away)
    assert one.broker_away is True
