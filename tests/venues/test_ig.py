"""IG's own bad days: logins that are refused, tokens that end, markets that close; and nothing secret is told."""

import logging

import pytest

from tests.venues.ig_venue import SECRETS, Answer, Ig
from tests.venues.listener import Listener, listening, quick
from tests.venues.server import Peer, Script, VenueServer, venue_server
from tests.venues.speakers import Said
from tests.venues.test_bad_days import Moved
from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.domain.market import TickFlag
from tidewheel.recordings.quotes import SourceError

FIRST = TickFlag.GAP_BEFORE | TickFlag.SNAPSHOT
S = 1_000_000_000
TIME_US = 1_700_000_000_000_000


def quotes(count: int, first: int = 1) -> list[Said]:
    return [
        Said(Ig.wire, f"{1000 + n}", f"{1001 + n}", time_us=TIME_US + 1000 * n) for n in range(first, first + count)
    ]


def says(count: int, first: int = 1) -> Script:
    async def script(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(count, first))
        await peer.stay()

    return script


def heard(server: VenueServer, speaker: Ig, count: int, **timing: float) -> Listener:
    with listening([quick(speaker, **timing)], [Ig.symbol], server.url) as listener:
        listener.until(lambda one: len(one.ticks) >= count)
    return listener


def has_secrets(caplog: pytest.LogCaptureFixture, *more: str) -> bool:
    """Whether our side tells of any; the local venue may."""
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets.server")]
    assert ours
    return any(secret in text for secret in SECRETS for text in (*ours, *more))


def login_of(speaker: Ig) -> list[Answer]:
    assert speaker.login is not None
    return speaker.login.answers


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            Answer(401, "error.security.invalid-details"),
            r"HTTP 401 \(error.security.invalid-details\): it refuses the user",
        ),
        (
            Answer(403, "error.security.api-key-invalid"),
            r"HTTP 403 \(error.security.api-key-invalid\): it refuses the key",
        ),
    ],
)
def test_a_login_that_is_refused_ends_it_with_a_sentence(
    answer: Answer, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    speaker = Ig()
    with (
        venue_server(speaker, says(1)) as server,
        listening([quick(speaker)], [Ig.symbol], server.url) as listener,
    ):
        login_of(speaker).append(answer)
        with pytest.raises(SourceError, match=words) as failure:
            listener.until(lambda _: False)
    assert speaker.login is not None
    assert (speaker.login.logins, server.connections, listener.ticks) == (1, 0, [])
    assert not has_secrets(caplog, str(failure.value))


@pytest.mark.parametrize(
    "answer",
    [
        Answer(403, "error.public-api.exceeded-api-key-allowance"),
        Answer(503),
        Answer(302, headers={"Location": "http://elsewhere.invalid/"}),
    ],
)
def test_a_busy_login_is_asked_again_and_credentials_go_nowhere_else(
    answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    speaker, moved = Ig(), Moved()
    with venue_server(speaker, says(2)) as server:
        login_of(speaker).append(answer)
        listener = heard(server, speaker, 2)
    assert [tick.flags for tick in listener.ticks] == [FIRST, 0]
    assert moved.by("venue_connections_lost_total", venue="ig", reason="refused") == 1
    assert not has_secrets(caplog)


@pytest.mark.parametrize("end", ["END,31,session%20closed\r\n", "LOOP,0\r\n"])
def test_a_session_that_the_venue_ends_is_begun_anew_by_a_new_login(end: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    speaker, moved = Ig(), Moved()

    async def ends(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(3))
        await peer.say(end)
        await peer.stay()

    with venue_server(speaker, ends, says(3, 4)) as server:
        listener = heard(server, speaker, 6)
        assert speaker.login is not None
        assert speaker.login.logins == 2, "and the stream was given the tokens of the second, or it had not begun"
    assert [tick.bid_e9 // S for tick in listener.ticks] == list(range(1001, 1007))
    assert [tick.flags for tick in listener.ticks] == [FIRST, 0, 0, FIRST, 0, 0]
    assert [tick.epoch for tick in listener.ticks] == [1, 1, 1, 2, 2, 2]
    assert moved.by("venue_connections_lost_total", venue="ig", reason="renewed") == 1
    assert not has_secrets(caplog, *(change.detail for change in listener.changes))


def test_a_stream_that_takes_no_session_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    speaker = Ig()

    async def refuses(peer: Peer) -> None:
        await peer.socket.recv()
        await peer.socket.send("CONERR,1,User/password%20check%20failed\r\n")
        await peer.socket.close()

    with venue_server(speaker, refuses, says(2)) as server:
        listener = heard(server, speaker, 2)
    assert [tick.flags for tick in listener.ticks] == [FIRST, 0]
    assert "its stream begins no session: 1 User/password check failed" in caplog.text


def test_before_tokens_grow_old_there_is_another_connection_and_never_two() -> None:
    speaker, open_now, most = Ig(), 0, 0

    async def counted(peer: Peer) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        try:
            await peer.subscribed()
            await peer.quote(*quotes(1, peer.server.connections))
            await peer.stay()
        finally:
            open_now -= 1

    with venue_server(speaker, counted) as server:
        listener = heard(server, speaker, 3, age_max_s=0.3)
    assert most == 1
    assert [tick.flags for tick in listener.ticks][:3] == [FIRST] * 3
    assert any("it is" in change.detail and "h old" in change.detail for change in listener.changes)


def test_only_what_changes_is_sent_and_all_of_it_is_known() -> None:
    speaker = Ig()

    async def short(peer: Peer) -> None:
        await peer.subscribed()
        say = speaker.update
        await peer.say(say(Ig.wire, str(TIME_US // 1000), "1000.5", "1001", "DEAL"))
        await peer.say(say(Ig.wire, str(TIME_US // 1000 + 1), "", "1002", ""))
        await peer.say(say(Ig.wire, str(TIME_US // 1000 + 2), "1000.7", "^2"))
        await peer.say(say(Ig.wire, "^4"))  # nothing is new
        await peer.say(say(Ig.wire, "^1", "1000.8", "^2"))
        await peer.stay()

    with venue_server(speaker, short) as server:
        listener = heard(server, speaker, 4)
    pairs = [(tick.bid_e9 * 10 // S, tick.offer_e9 // S) for tick in listener.ticks]
    assert pairs == [(10005, 1001), (10005, 1002), (10007, 1002), (10008, 1002)]
    assert [tick.venue_time_ns - TIME_US * 1000 for tick in listener.ticks] == [0, 1_000_000, 2_000_000, 2_000_000]


def test_while_it_is_not_dealt_there_are_no_quotes_but_word_of_it() -> None:
    speaker = Ig()

    async def closes(peer: Peer) -> None:
        await peer.subscribed()
        one, two, three, four = quotes(4)
        await peer.quote(one)
        for closed in (two, three):
            await peer.say(speaker.quote(closed, state="CLOSED"))
        await peer.quote(four)
        await peer.stay()

    with venue_server(speaker, closes) as server:
        listener = heard(server, speaker, 2)
    assert [(tick.bid_e9 // S, tick.flags) for tick in listener.ticks] == [(1001, FIRST), (1004, TickFlag.GAP_BEFORE)]
    states = [change.detail for change in listener.changes if change.event is FeedEvent.MARKET_STATE]
    assert states == ["it is not dealt: CLOSED"]


@pytest.mark.parametrize("bad", ["{torn", "U,1,1,1|2\r\n", "U,x\r\n"])
def test_what_cannot_be_read_may_have_been_a_price(bad: str) -> None:
    speaker, moved = Ig(), Moved()

    async def torn(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(2))
        await peer.say(bad)
        await peer.stay()

    with venue_server(speaker, torn, says(2, 3)) as server:
        listener = heard(server, speaker, 4)
    assert [tick.flags for tick in listener.ticks] == [FIRST, 0, FIRST, 0]
    assert len(listener.rejected) == 1
    assert moved.by("venue_connections_lost_total", venue="ig", reason="broken_state") == 1
