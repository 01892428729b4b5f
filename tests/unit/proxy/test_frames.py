"""A stream cut into frames, and what a frame says of itself."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxy.frames import (
    FRAME_BYTES_MAX,
    ApiKey,
    Frame,
    FrameDecoder,
    MalformedFrameError,
    api_key_of,
    correlation_of,
)
from tests.proxy.requests import error_of, request_of
from tests.unit.proxy.frame_bytes import compact, end_txn, framed, reply, request, string

KEYS = (ApiKey.PRODUCE, ApiKey.METADATA, ApiKey.END_TXN)
frames = st.lists(st.tuples(st.sampled_from(KEYS), st.binary(max_size=30)), max_size=12)
cuts = st.lists(st.integers(0, 400), max_size=12)


def pieces_of(splitter: FrameDecoder) -> list[bytes | Frame]:
    found = []
    while (piece := splitter.pull()) is not None:
        found.append(piece)
    return found


def end_txn_only(data: bytes, at: int) -> bool:
    return api_key_of(data, at) == ApiKey.END_TXN


@given(frames, cuts, st.booleans())
def test_nothing_is_lost_and_only_what_is_wanted_is_a_frame(
    kinds: list[tuple[ApiKey, bytes]], places: list[int], pulled_late: bool
) -> None:
    all_frames = [request(key, body) for key, body in kinds]
    stream = b"".join(all_frames)
    splitter, found = FrameDecoder(end_txn_only), []
    bounds = sorted({0, len(stream), *(place for place in places if place < len(stream))})
    for start, end in pairwise(bounds):
        splitter.push(stream[start:end])
        found += [] if pulled_late else pieces_of(splitter)
    found += pieces_of(splitter)
    wanted = [frame for frame, (key, _) in zip(all_frames, kinds, strict=True) if key is ApiKey.END_TXN]
    assert [piece.data for piece in found if isinstance(piece, Frame)] == wanted
    assert b"".join(piece.data if isinstance(piece, Frame) else piece for piece in found) == stream
    assert splitter.waiting_bytes == 0
    assert not splitter.within_frame


def test_what_nobody_wants_is_passed_on_though_its_end_has_not_come() -> None:
    splitter, frame = FrameDecoder(end_txn_only), request(ApiKey.PRODUCE, bytes(1000))
    chunk = frame[:100]
    splitter.push(chunk)
    assert splitter.pull() is chunk, "not even copied"
    assert splitter.within_frame
    splitter.push(frame[100:])
    assert pieces_of(splitter) == [frame[100:]]
    assert not splitter.within_frame


def test_a_frame_that_is_wanted_waits_for_its_end() -> None:
    splitter, frame = FrameDecoder(end_txn_only), end_txn("t")
    splitter.push(frame.data[:-1])
    assert splitter.pull() is None
    assert not splitter.within_frame
    splitter.push(frame.data[-1:])
    assert pieces_of(splitter) == [frame]


@pytest.mark.parametrize("length", [-1, 0, 3, FRAME_BYTES_MAX + 1])
def test_what_is_no_frame_is_refused(length: int) -> None:
    splitter = FrameDecoder(end_txn_only)
    splitter.push(struct.pack(">i", length) + bytes(8))
    with pytest.raises(MalformedFrameError, match=str(length)):
        splitter.pull()


def test_a_reply_says_what_it_answers() -> None:
    data = b"before" + reply(77, b"body")
    assert correlation_of(data, len(b"before")) == 77
    splitter = FrameDecoder(lambda buffer, at: correlation_of(buffer, at) == 78)
    splitter.push(reply(77) + reply(78))
    assert pieces_of(splitter) == [reply(77), Frame(reply(78))]


def test_a_request_says_whose_it_is() -> None:
    found = request_of(end_txn("labeler-0", correlation_id=9))
    assert found == (ApiKey.END_TXN, 1, 9, "c", "labeler-0")
    assert request_of(Frame(request(ApiKey.METADATA, b"anything", client=None))).client == ""


@pytest.mark.parametrize(
    ("api_key", "version", "body", "transactional_id"),
    [
        (ApiKey.ADD_PARTITIONS_TO_TXN, 0, string("t"), "t"),
        (ApiKey.ADD_PARTITIONS_TO_TXN, 4, b"\1\2\3", None),
        (ApiKey.INIT_PRODUCER_ID, 1, string(None), None),
        (ApiKey.INIT_PRODUCER_ID, 4, b"\0" + compact("t"), "t"),
        (ApiKey.INIT_PRODUCER_ID, 4, b"\1\5\3abc" + compact("after a tag"), "after a tag"),
        (ApiKey.PRODUCE, 2, b"\0\1", None),
        (ApiKey.PRODUCE, 7, string("t"), "t"),
        (ApiKey.PRODUCE, 9, b"\0" + compact(None), None),
        (ApiKey.TXN_OFFSET_COMMIT, 3, b"\0" + compact("x" * 100), "x" * 100),
        (ApiKey.HEARTBEAT, 0, string("a group"), None),
    ],
)
def test_the_transactional_id_is_read_where_there_is_one(
    api_key: ApiKey, version: int, body: bytes, transactional_id: str | None
) -> None:
    assert request_of(Frame(request(api_key, body, version=version))).transactional_id == transactional_id


@pytest.mark.parametrize(
    "data",
    [
        framed(struct.pack(">hhi", ApiKey.METADATA, 0, 1)),
        framed(struct.pack(">hhih", ApiKey.METADATA, 0, 1, 100) + b"short"),
        framed(struct.pack(">hhih", ApiKey.METADATA, 0, 1, 1) + b"\xff"),
        request(ApiKey.END_TXN, b"", version=3),
        request(ApiKey.END_TXN, b"\0\xff", version=3),
        request(ApiKey.END_TXN, struct.pack(">h", 50), version=1),
    ],
)
def test_half_a_header_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedFrameError):
        request_of(Frame(data))


def test_the_broker_s_answer_is_read_where_it_is_one_code() -> None:
    assert error_of(request_of(end_txn("t")), Frame(reply(1, struct.pack(">ih", 0, 47)))) == 47
    flexible = request_of(Frame(request(ApiKey.INIT_PRODUCER_ID, b"\0" + compact("t"), version=4)))
    assert error_of(flexible, Frame(reply(1, b"\0" + struct.pack(">ih", 0, 51)))) == 51
    for version, body in ((0, b""), (1, b"\0" * 4), (4, b"\0" * 5)):
        heartbeat = request_of(Frame(request(ApiKey.HEARTBEAT, version=version)))
        assert error_of(heartbeat, Frame(reply(1, body + struct.pack(">h", 82)))) == 82
    assert error_of(request_of(Frame(request(ApiKey.METADATA))), Frame(reply(1))) is None
    with pytest.raises(MalformedFrameError):
        error_of(request_of(end_txn("t")), Frame(reply(1, b"\0")))
