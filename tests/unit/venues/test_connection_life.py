"""The life of a connection, with time and chance as data."""

import dataclasses
from collections.abc import Sequence

import pytest

from tidewheel.venues.adapter import Rate
from tidewheel.venues.catalogue import ADAPTERS
from tidewheel.venues.connection_life import (
    HEALTHY_S,
    REFUSALS_MAX,
    Action,
    CloseConnection,
    Connect,
    ConnectionLife,
    Loss,
    Lost,
    Opened,
    Ping,
    Send,
    Serve,
    StopCapture,
)
from tidewheel.venues.waits import TokenBucket

BTC = ("BTCUSDT",)


def made(venue: str = "binance", symbols: Sequence[str] = BTC, chance: float = 1.0, **timing: float) -> ConnectionLife:
    adapter = ADAPTERS[venue]
    adapter = dataclasses.replace(adapter, timing=dataclasses.replace(adapter.timing, **{"pong_s": 1e6, **timing}))
    return ConnectionLife(adapter, symbols, adapter.urls, lambda: chance)


def serving(life: ConnectionLife, at_s: float = 0.0) -> int:
    (connect,) = life.start(at_s)
    assert isinstance(connect, Connect)
    life.on_open(connect.number, at_s)
    assert life.on_acknowledged(connect.number, (), at_s) == [Serve(connect.number, seamless=False)]
    return connect.number


def only(actions: list[Action], kind: type) -> Action:
    (found,) = [action for action in actions if isinstance(action, kind)]
    return found


def test_it_connects_subscribes_and_serves_once_all_is_acknowledged() -> None:
    life = made("okx", ("BTC-USDT", "ETH-USDT"))
    assert life.start(0) == [Connect(1, life.urls[0])]
    opened, send = life.on_open(1, 1)
    assert opened == Opened(1)
    assert send == Send(1, life.adapter.subscribe(life.symbols), 0.0)
    assert life.on_acknowledged(1, ("ETH-USDT",), 2) == []
    assert life.on_acknowledged(1, ("BTC-USDT",), 2) == [Serve(1, seamless=False)]
    assert life.on_acknowledged(1, ("BTC-USDT",), 2) == []


def lost_after(life: ConnectionLife, number: int, at_s: float) -> Lost:
    found = only(life.on_closed(number, Loss.CLOSED, "code 1012", at_s), Lost)
    assert isinstance(found, Lost)
    return found


def reconnected(life: ConnectionLife, at_s: float) -> int:
    connect = only(life.on_time(at_s), Connect)
    assert isinstance(connect, Connect)
    life.on_open(connect.number, at_s)
    life.on_acknowledged(connect.number, (), at_s)
    return connect.number


def test_who_accepts_and_drops_is_waited_for_longer_and_longer() -> None:
    life, at_s = made(), 0.0
    number, waits = serving(life), []
    for _ in range(7):
        life.on_quote(number, at_s)
        lost = lost_after(life, number, at_s + HEALTHY_S - 1)
        waits.append(lost.retry_s)
        at_s += HEALTHY_S - 1 + lost.retry_s
        number = reconnected(life, at_s)
    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_only_thirty_seconds_of_quotes_make_trouble_the_first_again() -> None:
    life = made()
    number = serving(life)
    first = lost_after(life, number, 100)  # connected long, but never a quote
    number = reconnected(life, 101)
    second = lost_after(life, number, 102)
    number = reconnected(life, 104)
    life.on_quote(number, 105)
    third = lost_after(life, number, 105 + HEALTHY_S)
    assert [one.retry_s for one in (first, second, third)] == [1, 2, 1]


def test_it_is_not_tried_again_before_its_time() -> None:
    life = made()
    lost_after(life, serving(life), 10)
    assert life.on_time(10.9) == []
    assert life.on_time(11) == [Connect(2, life.urls[1])]
    assert life.on_time(11) == []


@pytest.mark.parametrize(("status", "words"), [(401, "credentials"), (403, "forbidden"), (451, "reasons of law")])
def test_an_answer_that_stays_is_the_end_once_each_host_gave_it(status: int, words: str) -> None:
    life = made()
    life.start(0)
    assert only(life.on_http(1, status, None, 0), Lost) == Lost(Loss.REFUSED, f"HTTP {status}", 1.0, False)
    assert life.on_time(1) == [Connect(2, life.urls[1])]
    (end,) = life.on_http(2, status, None, 1)
    assert isinstance(end, StopCapture)
    assert words in end.sentence
    assert f"binance answers with HTTP {status}" in end.sentence


def test_another_host_that_serves_is_not_given_up() -> None:
    life = made()
    life.start(0)
    life.on_http(1, 451, None, 0)
    number = reconnected(life, 1)
    lost_after(life, number, 2)
    life.on_time(4)
    assert only(life.on_http(3, 451, None, 4), Lost)


@pytest.mark.parametrize(("status", "says_s", "waits_s"), [(429, 77.0, 77.0), (503, None, 1.0), (429, 0.5, 1.0)])
def test_a_busy_venue_is_given_the_time_it_asks_for(status: int, says_s: float | None, waits_s: float) -> None:
    life = made()
    life.start(0)
    lost = only(life.on_http(1, status, says_s, 0), Lost)
    assert isinstance(lost, Lost)
    assert lost.retry_s == waits_s


def test_heartbeats_without_quotes_are_life_and_pongs_are_none() -> None:
    life = made("kraken", ("BTC/USD",), life_s=10)
    number = serving(life)
    for at_s in range(1, 100):
        life.on_sign(number, at_s)
        assert life.on_time(at_s) == []
    assert life.on_time(109) == []
    leave, lost = life.on_time(109.5)
    assert leave == CloseConnection(number, at_once=True)
    assert lost == Lost(Loss.NO_LIFE, "neither heartbeat nor quote for 10 s", 1.0, True)
    assert life.on_closed(number, Loss.CLOSED, "the connection broke", 110) == []  # told already


def test_a_peer_that_says_nothing_is_asked_and_what_comes_is_an_answer() -> None:
    life = made(pong_s=10)
    number = serving(life)
    assert life.on_time(10) == []
    assert life.on_time(10.5) == [Ping(number)]
    assert life.on_time(20.5) == []
    life.on_heard(number, 20.6)  # a message, while the answer waits behind others
    assert life.on_time(30.6) == []
    assert life.on_time(31) == [Ping(number)]
    leave, lost = life.on_time(41.1)
    assert leave == CloseConnection(number, at_once=True)
    assert lost == Lost(Loss.NO_LIFE, "no answer to a ping within 10 s", 1.0, True)


def test_no_word_of_the_subscription() -> None:
    life = made(ack_s=5)
    life.start(0)
    life.on_open(1, 1)
    assert life.on_time(6) == []
    assert only(life.on_time(6.1), Lost) == Lost(Loss.NOT_SUBSCRIBED, "no word of it within 5 s", 1.0, False)


def test_a_handshake_that_takes_for_ever() -> None:
    life = made(open_s=5)
    life.start(0)
    assert life.on_time(5) == []
    assert only(life.on_time(5.1), Lost) == Lost(Loss.FAILED, "no connection within 5 s", 1.0, False)
    assert life.on_open(1, 5.2) == [CloseConnection(1, at_once=True)]  # it comes after all


def test_a_subscription_refused_again_and_again_is_for_a_person() -> None:
    life, at_s = made("coinbase", ("XYZ-USD",), chance=0.0), 0.0
    life.start(at_s)
    for number in range(1, REFUSALS_MAX):
        life.on_open(number, at_s)
        leave, lost = life.on_refused(number, "XYZ-USD is not a valid product", at_s)
        assert leave == CloseConnection(number, at_once=True)
        assert isinstance(lost, Lost)
        at_s += 60
        assert life.on_time(at_s) == [Connect(number + 1, life.urls[0])]
    life.on_open(REFUSALS_MAX, at_s)
    (end,) = life.on_refused(REFUSALS_MAX, "XYZ-USD is not a valid product", at_s)
    assert end == StopCapture(
        "coinbase does not subscribe XYZ-USD: XYZ-USD is not a valid product. See that it trades there"
    )


def test_a_refusal_of_something_else_while_all_is_well_changes_nothing() -> None:
    life = made()
    number = serving(life)
    assert [life.on_refused(number, "too many messages", at_s) for at_s in range(20)] == [[]] * 20


def takeover(life: ConnectionLife, number: int, at_s: float) -> None:
    (connect,) = life.on_announced(number, at_s) or life.on_time(at_s)
    assert isinstance(connect, Connect)
    assert life.on_announced(number, at_s) == []  # said twice
    assert life.on_time(at_s) == []
    life.on_open(connect.number, at_s)
    assert life.on_acknowledged(connect.number, (), at_s) == [
        Serve(connect.number, seamless=True),
        CloseConnection(number, at_once=False),
    ]
    assert life.on_closed(number, Loss.CLOSED, "code 1000", at_s) == []


def test_an_announced_end_is_met_by_another_connection_first() -> None:
    life = made()
    takeover(life, serving(life), 5)


def test_before_the_venue_cuts_an_old_connection_another_is_there() -> None:
    life = made(age_max_s=1_000.0, life_s=10_000.0)
    number = serving(life)
    assert life.on_time(999) == []
    takeover(life, number, 1_000)
    assert life.on_time(1_999) == []
    takeover(life, 2, 2_000)


def test_binance_is_left_before_its_twenty_four_hours_are_over() -> None:
    assert 23 * 3600 < ADAPTERS["binance"].timing.age_max_s < 24 * 3600


def test_the_one_that_was_to_take_over_does_so_when_the_first_dies() -> None:
    life = made()
    number = serving(life)
    life.on_announced(number, 5)
    life.on_open(2, 5)
    assert life.on_closed(number, Loss.CLOSED, "code 1001", 6) == [Lost(Loss.CLOSED, "code 1001", 0.0, True)]
    assert life.on_acknowledged(2, (), 7) == [Serve(2, seamless=False)]
    assert life.on_time(100) != []  # and is watched like any other


def test_one_that_cannot_take_over_is_tried_again_while_the_first_serves() -> None:
    life = made()
    number = serving(life)
    life.on_announced(number, 5)
    assert life.on_closed(2, Loss.FAILED, "nothing answers", 5) == []
    life.on_sign(number, 6)
    assert life.on_time(5.9) == []
    assert life.on_time(6) == [Connect(3, life.urls[0])]
    assert life.on_http(3, 451, None, 6) == []  # and never ends what works


def test_quotes_of_the_one_to_come_count_where_they_are_numbered() -> None:
    for venue, counts in (("binance", True), ("kraken", False)):
        symbols = (ADAPTERS[venue].symbol("BTC-USDT"),)
        life = made(venue, symbols)
        number = serving(life)
        life.on_announced(number, 5)
        assert (life.counts(number), life.counts(2)) == (True, counts)


def test_the_text_that_keeps_a_connection_open() -> None:
    life = made("okx", ("BTC-USDT",))
    number = serving(life)
    assert life.on_time(19.9) == []
    assert life.on_time(20) == [Send(number, "ping", 0.0)]
    assert life.on_time(39) == []
    assert life.on_time(40) == [Send(number, "ping", 0.0)]


def test_a_token_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(Rate(burst=3, every_s=2.0))
    assert [bucket.take_s(100) for _ in range(6)] == [0, 0, 0, 2, 4, 6]
    assert bucket.take_s(1_000) == 0
    bucket = TokenBucket(Rate(burst=1, every_s=1.0))
    assert [bucket.take_s(at_s) for at_s in (0, 0.25, 5)] == [0, 0.75, 0]


def test_tries_keep_the_venues_limit_whatever_chance_says() -> None:
    life = made(chance=0.0)  # no wait of our own
    (connect,) = life.start(0)
    at_s, tries = 0.0, 1
    assert isinstance(connect, Connect)
    number = connect.number
    while at_s < 100:
        lost = lost_after(life, number, at_s)
        at_s += lost.retry_s
        number = only(life.on_time(at_s), Connect).number  # type: ignore[union-attr]
        tries += 1
    rate = life.adapter.connects
    assert tries <= rate.burst + 100 / rate.every_s + 2


def test_it_ends_in_peace() -> None:
    life = made()
    number = serving(life)
    life.on_announced(number, 5)
    assert life.stop() == [
        Send(number, life.adapter.unsubscribe(life.symbols), 0.0),
        CloseConnection(number, at_once=False),
        CloseConnection(2, at_once=True),
    ]
    assert life.on_time(1_000) == []
    assert life.on_open(2, 1_001) == [CloseConnection(2, at_once=True)]
