"""The pointer as lines: what is read back, what is refused, and what a signature covers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.synthetic_models import INSTRUMENT
from tidewheel.domain.models import Evidence, ModelPointer
from tidewheel.registry.keys import CANDIDATE, CURRENT
from tidewheel.registry.limits import EPOCH_MAX, SEQ_MAX, parse_seq
from tidewheel.registry.pointer import FIELDS, parse_pointer, pointer_fields
from tidewheel.registry.verify import VerificationError, VerificationFailure

POINTER = ModelPointer(INSTRUMENT, 3, 2, "ab" * 32, "cd" * 32, Evidence.WEAK, 7, 5, 0, born_ns=9)
KEY = b"key"


def state_of(pointer: ModelPointer, role: str = CURRENT, key: bytes | None = None) -> bytes:
    return "\n".join(pointer_fields(pointer, role, key)).encode()


def reason(state: bytes, role: str = CURRENT, key: bytes | None = None) -> VerificationFailure:
    with pytest.raises(VerificationError) as caught:
        parse_pointer(INSTRUMENT, role, state, key)
    return caught.value.reason


def test_what_is_written_is_read() -> None:
    for pointer in (
        POINTER,
        replace(POINTER, seq=SEQ_MAX, newest_seq=SEQ_MAX, epoch=EPOCH_MAX),
        replace(POINTER, born_ns=0),
    ):
        assert parse_pointer(INSTRUMENT, CURRENT, state_of(pointer)) == pointer
    signed = parse_pointer(INSTRUMENT, CURRENT, state_of(POINTER, key=KEY), KEY)
    assert signed == replace(POINTER, hmac_sha256=signed.hmac_sha256 if signed else b"")
    assert parse_pointer(INSTRUMENT, CURRENT, b"") is None


def test_one_of_an_older_program_has_no_birth_and_no_signature() -> None:
    lines = state_of(POINTER).split(b"\n")
    lines[FIELDS.index("born_ns")] = b""
    assert parse_pointer(INSTRUMENT, CURRENT, b"\n".join(lines)) == replace(POINTER, born_ns=0)


def parsed(state: bytes) -> ModelPointer | str | None:
    """The pointer, or the words of a refusal."""
    try:
        return parse_pointer(INSTRUMENT, CURRENT, state)
    except VerificationError as failure:
        return str(failure)


@given(st.binary(max_size=600))
def test_anything_else_is_refused_and_nothing_more(state: bytes) -> None:
    found = parsed(state)
    assert found is None if not state else isinstance(found, str) and found.isprintable()


@given(st.sampled_from(FIELDS), st.text(max_size=200))
def test_any_field_may_hold_anything(name: str, text: str) -> None:
    lines = state_of(POINTER).split(b"\n")
    lines[FIELDS.index(name)] = text.encode()
    found = parsed(b"\n".join(lines))
    if isinstance(found, str):
        assert found.isprintable()
    else:
        assert found is not None
        assert 1 <= found.seq <= found.newest_seq <= SEQ_MAX
        assert 1 <= found.epoch <= EPOCH_MAX


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": 2},
        {"epoch": 3},
        {"sha256": "ef" * 32},
        {"schema_hash_hex": "ef" * 32},
        {"evidence": Evidence.STRONG},
        {"published_at_ns": 8},
        {"newest_seq": 6},
        {"born_ns": 10},
    ],
)
def test_a_signature_is_of_every_field(changes: dict[str, object]) -> None:
    lines = state_of(replace(POINTER, **changes)).split(b"\n")  # type: ignore[arg-type]
    lines[-1] = state_of(POINTER, key=KEY).split(b"\n")[-1]
    assert reason(b"\n".join(lines), key=KEY) is VerificationFailure.POINTER_HMAC


def test_a_signature_is_of_a_role_an_instrument_and_a_key() -> None:
    signed = state_of(POINTER, key=KEY)
    assert parse_pointer(INSTRUMENT, CURRENT, signed, KEY)
    assert parse_pointer(INSTRUMENT, CURRENT, signed)
    assert reason(signed, CANDIDATE, KEY) is VerificationFailure.POINTER_HMAC
    assert reason(signed, key=b"another") is VerificationFailure.POINTER_HMAC
    assert reason(state_of(POINTER), key=KEY) is VerificationFailure.POINTER_HMAC
    with pytest.raises(VerificationError):
        parse_pointer("sim:ETH-USD", CURRENT, signed, KEY)


@pytest.mark.parametrize("text", ["", "0", "01", "-1", "+1", " 1", "1 ", "1.0", "1e3", "٣", "x", "1" * 16, "9" * 400])
def test_what_is_no_windows_number(text: str) -> None:
    assert parse_seq(text) is None
    assert parse_seq(text.encode()) is None


def test_what_is_one() -> None:
    assert [parse_seq(text) for text in (b"1", b"907", str(SEQ_MAX).encode())] == [1, 907, SEQ_MAX]
