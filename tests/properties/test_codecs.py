"""Codecs: every value survives the way out and back, and no bytes get more than an InvalidRecordError out of one."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.properties.values import CARRIED, same
from tidewheel.contracts import codecs
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.wire.v1 import market_pb2, models_pb2, orders_pb2, predictions_pb2, training_pb2

Decoder = Callable[[bytes | None], Any]
QUICK = settings(
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
WIRE = {
    "second": market_pb2.MarketSecond,
    "feed_status": market_pb2.FeedStatus,
    "dead_letter": market_pb2.DeadLetter,
    "orders": orders_pb2.SecondOrders,
    "transaction": orders_pb2.Transaction,
    "example": orders_pb2.Example,
    "prediction": predictions_pb2.ServedPrediction,
    "run_event": training_pb2.TrainingRunEvent,
    "model": models_pb2.Model,
    "model_record": models_pb2.ModelRecord,
    "frontier": orders_pb2.LabelerFrontier,
    "snapshot": orders_pb2.LabelerSnapshot,
    "state": orders_pb2.LabelerState,
}


def functions(prefix: str) -> dict[str, Callable[..., Any]]:
    """Every `<prefix><name>` of the codecs' modules by its name."""
    found = {}
    for module in pkgutil.iter_modules(codecs.__path__, codecs.__name__ + "."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if name.startswith(prefix) and value.__module__ == module.name:
                found[name.removeprefix(prefix)] = value
    return found


DECODE, ENCODE = functions("decode_"), functions("encode_")


def test_every_codec_is_tested() -> None:
    assert set(DECODE) == set(ENCODE) == set(CARRIED) == set(WIRE)


def value_or_invalid_record(decode: Decoder, payload: bytes | None) -> Any:
    """What a decoder may do with any bytes: anything but InvalidRecordError passes through and fails the test."""
    try:
        return decode(payload)
    except InvalidRecordError:
        return None


@pytest.mark.parametrize("name", CARRIED)
@QUICK
@given(data=st.data())
def test_values_survive(name: str, data: st.DataObject) -> None:
    value = data.draw(CARRIED[name]())
    payload = ENCODE[name](value)
    assert same(DECODE[name](payload), value)
    assert ENCODE[name](DECODE[name](payload)) == payload


@pytest.mark.parametrize("name", CARRIED)
@QUICK
@given(payload=st.none() | st.binary(max_size=300))
@example(payload=b"")
@example(payload=None)
def test_any_bytes(name: str, payload: bytes | None) -> None:
    assert value_or_invalid_record(DECODE[name], payload) is None or payload


@st.composite
def mutated(draw: st.DrawFn, valid: bytes) -> bytes:
    """Valid bytes with a few of them changed, left out, doubled or put in."""
    payload = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(payload)))
        match draw(st.sampled_from(("flip", "cut", "insert", "double"))):
            case "flip" if at < len(payload):
                payload[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del payload[at : at + draw(st.integers(1, 9))]
            case "insert":
                payload[at:at] = draw(st.binary(min_size=1, max_size=9))
            case "double":
                payload[at:at] = payload[at : at + 30]
            case _:
                payload.append(draw(st.integers(0, 255)))
    return bytes(payload)


@pytest.mark.parametrize("name", CARRIED)
@QUICK
@given(data=st.data())
def test_damaged_bytes(name: str, data: st.DataObject) -> None:
    payload = ENCODE[name](data.draw(CARRIED[name]()))
    value = value_or_invalid_record(DECODE[name], data.draw(mutated(payload)))
    assert value is None or ENCODE[name](value) is not None


SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1) | st.sampled_from((0, 1, 2)),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 3) | st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
    FieldDescriptor.CPPTYPE_FLOAT: st.floats(width=32),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_ENUM: st.integers(-(2**31), 2**31 - 1) | st.integers(0, 12),
}
TEXTS = st.sampled_from(("sim:BTC-USD", "", "published", "none", "malformed")) | st.text(max_size=5)
PACKED = st.sampled_from((b"", bytes(8), bytes(16), b"\x01" * 7, b"\xff" * 8)) | st.binary(max_size=24)


def scalar(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    """Any value the wire allows in a field."""
    if field.type == FieldDescriptor.TYPE_STRING:
        return TEXTS
    return PACKED if field.type == FieldDescriptor.TYPE_BYTES else SCALARS[field.cpp_type]


def fill(draw: st.DrawFn, message: Message, fields: list[FieldDescriptor]) -> None:
    """Set these fields to anything the wire allows."""
    for field in fields:
        parts = field.message_type
        if parts is None and field.is_repeated:
            getattr(message, field.name).extend(draw(st.lists(scalar(field), max_size=3)))
        elif parts is None:
            setattr(message, field.name, draw(scalar(field)))
        elif field.is_repeated:
            for _ in range(draw(st.integers(0, 2))):
                fill(draw, getattr(message, field.name).add(), list(parts.fields))
        else:
            getattr(message, field.name).SetInParent()
            fill(draw, getattr(message, field.name), draw(st.lists(st.sampled_from(list(parts.fields)), max_size=4)))


@st.composite
def nonsense(draw: st.DrawFn, name: str) -> bytes:
    """A message of the right type that says anything: one from nothing, or a valid one with a few fields wrong."""
    message = WIRE[name]()
    if draw(st.booleans()):
        message.ParseFromString(ENCODE[name](draw(CARRIED[name]())))
        fields = draw(st.lists(st.sampled_from(list(message.DESCRIPTOR.fields)), min_size=1, max_size=2))
    else:
        fields = list(message.DESCRIPTOR.fields)
    fill(draw, message, fields)
    return message.SerializeToString()


@pytest.mark.parametrize("name", CARRIED)
@settings(QUICK, max_examples=200)
@given(data=st.data())
def test_any_message_of_the_type(name: str, data: st.DataObject) -> None:
    value = value_or_invalid_record(DECODE[name], data.draw(nonsense(name)))
    assert value is None or ENCODE[name](value) is not None


def leaks(decode: Decoder, payloads: Iterator[bytes]) -> list[str]:
    """Names of the exceptions other than InvalidRecordError that a decoder lets out."""
    found = []
    for payload in payloads:
        try:
            value_or_invalid_record(decode, payload)
        except Exception as leaked:
            found.append(type(leaked).__name__)
    return found


def test_a_decoder_that_leaks_is_noticed() -> None:
    """A planted fault: a decoder without the check of its enumeration."""

    def leaking(payload: bytes | None) -> Any:
        from tidewheel.domain.orders import Outcome

        return Outcome(orders_pb2.Transaction.FromString(payload or b"").outcome)

    assert leaks(leaking, iter([b"", b"\xff"])) == ["ValueError", "DecodeError"]
