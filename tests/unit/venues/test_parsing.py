"""Each venue's messages to frames: exact, bounded, and never an exception."""

import json
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venues.speakers import SPEAKERS, Said, Speaker, e9
from tidewheel.contracts.invalid_record import DeadLetterReason as Reason
from tidewheel.domain.feeds import VENUES
from tidewheel.recordings.fields import FieldError, parse_number_e9
from tidewheel.recordings.quotes import NO_SIZE, Fault, ParseFlag
from tidewheel.venues.catalogue import ADAPTERS
from tidewheel.venues.frames import Acknowledged, Closing, Faulty, Heartbeat, Ignored, Pong, Quote, Refused
from tidewheel.venues.parsing import parse, price_e9

TIME_US = 1_671_960_659_123_456

speakers = pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda one: one.name)


def frames(speaker: Speaker, text: str) -> list[object]:
    return list(parse(ADAPTERS[speaker.name], text))


def said(speaker: Speaker, **more: str) -> Said:
    return Said(speaker.wire, "105944.20", "105944.3", "2.5", "0.46688654", seq=37475248783, time_us=TIME_US).but(
        **more
    )


def faulty(speaker: Speaker, text: str) -> Faulty:
    (frame,) = frames(speaker, text)
    assert isinstance(frame, Faulty)
    return frame


def test_every_venue_that_can_be_asked_for_has_an_adapter_and_its_symbol() -> None:
    assert list(ADAPTERS) == list(VENUES) == [*(one.name for one in SPEAKERS), "ig"]
    assert all(ADAPTERS[name].symbol(symbol) for name, symbol in VENUES.items())


@speakers
def test_a_quote_is_read_to_the_last_digit(speaker: Speaker) -> None:
    (quote,) = frames(speaker, speaker.quote(said(speaker)))
    venue_ns = TIME_US * 1000 if speaker.name != "okx" else TIME_US // 1000 * 10**6
    assert quote == Quote(
        *(speaker.wire, e9("105944.2"), e9("105944.3"), e9("2.5"), e9("0.46688654")),
        venue_time_ns=venue_ns if speaker.has_time else 0,
        venue_seq=37475248783 if speaker.has_seq else -1,
        last_trade=37475248783 if speaker.name == "coinbase" else -1,
    )


@speakers
def test_symbols_go_there_and_back(speaker: Speaker) -> None:
    assert ADAPTERS[speaker.name].symbol(speaker.symbol) == speaker.wire
    assert speaker.asked(ADAPTERS[speaker.name].subscribe([speaker.wire, speaker.other_wire])) == [
        speaker.wire,
        speaker.other_wire,
    ]
    assert speaker.asked(ADAPTERS[speaker.name].unsubscribe([speaker.wire])) is None
    for wrong in ("BTCUSD", "", "BTC-", "-USD", "BTC-USD-X", "BTC-U SD"):
        with pytest.raises(ValueError, match="two currencies"):
            ADAPTERS[speaker.name].symbol(wrong)


def test_binance_has_no_dollars() -> None:
    with pytest.raises(ValueError, match="ask for BTC-USDT"):
        ADAPTERS["binance"].symbol("BTC-USD")


@speakers
def test_words_of_the_connection(speaker: Speaker) -> None:
    asked = [speaker.wire, speaker.other_wire]
    acknowledged = [frame for text in speaker.acks(asked) for frame in frames(speaker, text)]
    assert all(isinstance(frame, Acknowledged) for frame in acknowledged)
    named = {name for frame in acknowledged for name in frame.symbols}  # type: ignore[attr-defined]
    assert named in (set(asked), set())
    (refused,) = frames(speaker, speaker.refusal("XYZ"))
    assert isinstance(refused, Refused)
    assert "XYZ" in refused.detail
    if speaker.heartbeat:
        (beat,) = frames(speaker, speaker.heartbeat)
        assert isinstance(beat, Heartbeat)
    if speaker.closing:
        (closing,) = frames(speaker, speaker.closing)
        assert isinstance(closing, Closing)
    for text in (speaker.pong, *speaker.unknown):
        (frame,) = frames(speaker, text)
        assert isinstance(frame, (Ignored, Pong, Acknowledged))


@speakers
@pytest.mark.parametrize(
    ("side", "reason"),
    [
        ("NaN", Reason.NOT_FINITE),
        ("Infinity", Reason.NOT_FINITE),
        ("-1.5", Reason.NOT_POSITIVE),
        ("1e400", Reason.TOO_LARGE),
        ("9" * 300, Reason.TOO_LARGE),
        ("9" * 5000, Reason.MALFORMED),
    ],
)
def test_a_side_that_is_no_price_is_told_of_its_symbol(speaker: Speaker, side: str, reason: Reason) -> None:
    frame = faulty(speaker, speaker.quote(said(speaker, bid=side)))
    assert (frame.fault.reason, frame.symbol) == (reason, speaker.wire)
    assert len(frame.fault.detail) < 200


@speakers
def test_a_size_that_cannot_be_kept_costs_itself_alone(speaker: Speaker) -> None:
    (quote,) = frames(speaker, speaker.quote(said(speaker, bid_size="-3", offer_size="0")))
    assert isinstance(quote, Quote)
    assert (quote.bid_size_e9, quote.offer_size_e9, quote.parse_flags) == (NO_SIZE, 0, ParseFlag.SIZE_LEFT_OUT)


@speakers
@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "null", "[]", "17", '"pongs"', "{}}", "[" * 100_000, '{"a":' * 50_000, "\x00", "x" * 2_000_000),
        *('{"type":"ticker"}', '{"channel":"ticker","type":"update","data":[{}]}', '{"channel":"ticker","data":7}'),
        *('{"u":1,"b":2}', '{"arg":{},"data":[{}]}', '{"arg":{"instId":"BTC-USDT"},"data":[{"ts":"1"}]}'),
        *('{"type":"subscriptions"}', '{"method":"subscribe"}', '{"event":"subscribe"}', '{"type":"heartbeat"}'),
    ],
    ids=lambda text: text[:20] or "nothing",
)
def test_whatever_comes_is_a_frame(speaker: Speaker, text: str) -> None:
    for frame in frames(speaker, text):
        assert isinstance(frame, (Faulty, Ignored))
        if isinstance(frame, Faulty):
            assert frame.fault.reason is Reason.MALFORMED
            assert len(frame.fault.detail) < 300


@speakers
@given(st.data())
def test_a_message_with_anything_in_any_place_raises_nothing(speaker: Speaker, data: st.DataObject) -> None:
    message = json.loads(speaker.quote(said(speaker)))
    anything = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({})
    holder = message
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(holder[key], (dict, list)) and holder[key] and data.draw(st.booleans()):
            holder = holder[key]
            continue
        holder[key] = data.draw(anything)
        break
    for frame in frames(speaker, json.dumps(message)):
        assert isinstance(frame, (Quote, Faulty, Ignored, Acknowledged, Refused))


def read_or_fault(read: Callable[[str, str], tuple[int, bool]], text: str) -> tuple[int, bool] | Fault:
    try:
        return read("bid", text)
    except FieldError as bad:
        return bad.fault


@given(st.from_regex(r"[0-9]{1,12}(\.[0-9]{0,14})?", fullmatch=True) | st.text(max_size=12))
def test_a_number_is_what_the_definition_says(text: str) -> None:
    expected = read_or_fault(parse_number_e9, text)
    assert read_or_fault(price_e9, text) == expected
    if isinstance(expected, tuple) and text.strip().replace(".", "").isdecimal():
        assert expected[0] == int((Decimal(text.strip()) * 10**9).to_integral_value(ROUND_HALF_EVEN))


@pytest.mark.parametrize("time", ["2022-12-25", "2022-12-25T09:30:59.1", "2022-13-25T09:30:59Z", "x" * 500, 17, None])
def test_a_time_that_is_none_costs_its_quote(time: object) -> None:
    kraken = SPEAKERS[0]
    message = json.loads(kraken.quote(said(kraken)))
    message["data"][0]["timestamp"] = time
    assert faulty(kraken, json.dumps(message)).fault.reason is Reason.MALFORMED


def test_kraken_without_a_time_and_a_snapshot() -> None:
    kraken = SPEAKERS[0]
    assert kraken.name == "kraken"
    (quote,) = frames(kraken, kraken.quote(said(kraken).but(time_us=0), kind="snapshot"))
    assert isinstance(quote, Quote)
    assert (quote.venue_time_ns, quote.snapshot) == (0, True)


def test_an_empty_side_of_okx_is_told() -> None:
    okx = SPEAKERS[3]
    message = json.loads(okx.quote(said(okx)))
    message["data"][0]["bids"] = []
    assert "bid is empty" in faulty(okx, json.dumps(message)).fault.detail
