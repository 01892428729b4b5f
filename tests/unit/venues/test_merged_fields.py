"""Fields of which only changes are sent: what is told is what was sent, or nothing."""

from collections.abc import Mapping

import pytest

from tidewheel.contracts.invalid_record import DeadLetterReason as Reason
from tidewheel.venues.catalogue import ADAPTERS
from tidewheel.venues.frames import Broken, Faulty, Fields, Frame, Heartbeat, Ignored, MarketState, Quote
from tidewheel.venues.ig import IG, decode, price
from tidewheel.venues.merged_fields import MergedFields
from tidewheel.venues.parsing import parse

EPICS = ["CS.D.BITCOIN.TODAY.IP", "CS.D.ETHUSD.TODAY.IP"]


def told(symbol: str, values: Mapping[str, str | None], *, snapshot: bool) -> Frame:
    return Ignored(f"{symbol} {[values[name] for name in 'abcd']} {snapshot}")


def heard(kept: MergedFields, *messages: str, number: int = 1, item: int = 1) -> list[Frame]:
    return [frame for one in messages for frame in kept.quotes(number, [Fields(item, tuple(one.split("|")))])]


@pytest.mark.parametrize(
    ("sent", "last"),
    [
        (["1|2|3|4"], "['1', '2', '3', '4'] True"),
        (["1|2|3|4", "|5||"], "['1', '5', '3', '4'] False"),
        (["1|2|3|4", "^3|9"], "['1', '2', '3', '9'] False"),
        (["1|2|3|4", "#|$||"], "[None, '', '3', '4'] False"),
        (["1|2|3|4", "a%7Cb|^2|%23"], "['a|b', '2', '3', '#'] False"),
        (["|2||"], "[None, '2', None, None] True"),
    ],
)
def test_what_is_not_sent_is_as_before(sent: list[str], last: str) -> None:
    assert heard(MergedFields(["s"], "abcd", told), *sent)[-1] == Ignored(f"s {last}")


def test_what_says_nothing_new_is_a_sign_of_life() -> None:
    assert heard(MergedFields(["s"], "abcd", told), "1|2|3|4", "^4")[-1] == Heartbeat("s")


@pytest.mark.parametrize("sent", ["1|2|3", "1|2|3|4|5", "^5", "^4|1", "1|^2"])
def test_a_message_of_other_fields_than_asked_for_drops_what_is_kept(sent: str) -> None:
    kept = MergedFields(["s"], "abcd", told)
    *_, faulty, broken = heard(kept, "1|2|3|4", sent)
    assert isinstance(faulty, Faulty)
    assert isinstance(broken, Broken)
    assert heard(kept, "|7||") == [Ignored("s [None, '7', None, None] True")], "nothing of before is left"


def test_each_connection_and_item_has_its_own() -> None:
    kept = MergedFields(["s", "t"], "abcd", told)
    heard(kept, "1|2|3|4")
    heard(kept, "5|6|7|8", item=2)
    heard(kept, "1|1|1|1", number=2)
    assert heard(kept, "^3|0") == [Ignored("s ['1', '2', '3', '0'] False")]
    assert heard(kept, "^3|0", item=2) == [Ignored("t ['5', '6', '7', '0'] False")]
    assert heard(kept, "^3|0", number=2) == [Ignored("s ['1', '1', '1', '0'] False")]
    assert heard(kept, "1|2|3|4", item=3) == [Ignored("an item that was not asked for")]


def test_what_ig_says_of_an_epic() -> None:
    kept = MergedFields(EPICS, ("TIMESTAMP", "BIDPRICE1", "ASKPRICE1", "DLG_FLAG"), price)
    (quote,) = heard(kept, "1700000000001|1000.5|1001|DEAL", item=2)
    assert quote == Quote(EPICS[1], 1000_500_000_000, 1001 * 10**9, venue_time_ns=1700000000001 * 10**6, snapshot=True)
    assert heard(kept, "|||CLOSED", item=2) == [MarketState(EPICS[1], "CLOSED")]
    faults = heard(kept, "|#||DEAL", "#|1||", "x|||", item=2)
    assert all(isinstance(one, Faulty) and one.fault.reason is Reason.MALFORMED for one in faults)
    assert len(faults) == 3


@pytest.mark.parametrize("text", ["", "\r\n", "{torn", "u,1,1,x", "U", "<html>", "\x00", "PROBE\r\n{torn"])
def test_what_is_no_message_of_the_protocol_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no message of TLCP"):
        decode(text)
    (frame,) = parse(ADAPTERS["ig"], text)
    assert isinstance(frame, Faulty)


@pytest.mark.parametrize("text", ["U,1,1", "U,1,x,1|2|3|4", "U,1,-1,1", "U,1,99999,1"])
def test_an_update_of_another_form_is_one_fault(text: str) -> None:
    (frame,) = parse(IG, text)
    assert isinstance(frame, Faulty)
