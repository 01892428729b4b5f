"""Where on the topic the rows of a model are read from again, and what it has to have remembered."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from services.trainer import rebuild
from services.trainer.dataset.rows import Rows
from services.trainer.rebuild import ModelOrigin, RebuildError, read_window
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window
from tests.synthetic_models import INSTRUMENT, make_model, make_record
from tests.synthetic_rows import examples
from tests.trainers import easy_rows
from tidewheel.contracts.codecs.orders import encode_example
from tidewheel.domain.models import Lineage, Model, ModelRecord, RememberedWindow

SIZE = 200
CONFIG = TrainingConfig(window=SIZE, step=SIZE, memory=3)
ROWS = easy_rows(5 * SIZE)


class Topic(list[int]):
    """Where it was read from. What lies before `begins_at` is gone."""

    begins_at = 0


class Message:
    """A record of the topic."""

    def __init__(self, offset: int, value: bytes) -> None:
        self._offset, self._value = offset, value

    def offset(self) -> int:
        return self._offset

    def value(self) -> bytes:
        return self._value


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Topic:
    """A topic of these rows, the first at offset 0."""
    messages = [Message(at, encode_example(one)) for at, one in enumerate(examples(ROWS, INSTRUMENT))]
    read_from = Topic()

    def read_to_end(bootstrap: str, name: str, starts: Mapping[int, int]) -> Iterator[Message]:
        read_from.append(starts[0])
        return iter(messages[max(starts[0], read_from.begins_at) :])

    monkeypatch.setattr(rebuild, "read_to_end", read_to_end)
    return read_from


def kept(seq: int, remembered: int) -> tuple[Model, ModelRecord]:
    """A model of window `seq` that remembers so many before it, and its record."""
    memory = tuple(RememberedWindow(one, (one - 1) * SIZE + 1, one * SIZE, 0.5) for one in range(seq - remembered, seq))
    lineage = Lineage("examples", 0, (seq - 1) * SIZE + 1, seq * SIZE, CONFIG.canonical_json(), "", memory)
    record = replace(
        make_record(b"", seq),
        first_offset=(seq - 1) * SIZE,
        last_offset=seq * SIZE - 1,
        replay_offset=(seq - 1 - remembered) * SIZE,
    )
    return replace(make_model(seq), lineage=lineage), record


def seqs(window: Window) -> list[int]:
    return [one.seq for one in window.memory]


@pytest.mark.parametrize(("seq", "remembered"), [(1, 0), (2, 1), (3, 2), (5, 2), (5, 0), (4, 1)])
def test_a_window_is_read_with_what_it_remembers(topic: Topic, seq: int, remembered: int) -> None:
    """From the first record of the topic on as well, which is at offset 0."""
    window = read_window("", ModelOrigin.of(*kept(seq, remembered)), CONFIG)
    assert topic == [(seq - 1 - remembered) * SIZE]
    assert seqs(window) == list(range(seq - remembered, seq))
    wanted: Rows = ROWS.take(slice((seq - 1) * SIZE, seq * SIZE))
    assert window.rows.features.tobytes() == wanted.features.tobytes()


def test_a_record_of_before_windows_remembered_says_where_its_own_rows_begin(topic: Topic) -> None:
    model, record = kept(3, 0)
    window = read_window("", ModelOrigin.of(model, replace(record, replay_offset=0)), CONFIG)
    assert topic == [2 * SIZE]
    assert seqs(window) == []


@pytest.mark.parametrize("wrong", [SIZE - 1, SIZE + 1, 2 * SIZE + 1, 10**12])
def test_a_record_that_names_a_wrong_place_costs_a_reading_from_the_beginning(topic: Topic, wrong: int) -> None:
    model, record = kept(4, 2)
    window = read_window("", ModelOrigin.of(model, replace(record, replay_offset=wrong)), CONFIG)
    assert seqs(window) == [2, 3]
    assert topic in ([wrong], [wrong, 0])


def test_what_is_remembered_and_no_longer_there_is_told(topic: Topic) -> None:
    model, record = kept(3, 2)
    topic.begins_at = 5
    words = r"does not hold all that the model remembers: windows \[1\] were read otherwise"
    with pytest.raises(RebuildError, match=words):
        read_window("", ModelOrigin.of(model, record), CONFIG)
