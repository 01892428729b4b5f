"""What a venue says, recorded and heard again; and a look at a venue by itself."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.ingest.sources.frames import Frames
from tests.venues.server import Http, Peer, Script, venue_server
from tests.venues.speakers import BOOK_SPEAKERS, SPEAKERS, Kraken, Said, Speaker, e9
from tidewheel.cli.main import tidewheel
from tidewheel.domain.market import TickFlag
from tidewheel.recordings.quotes import RawBatch, SourceError
from tidewheel.recordings.validator import Validator
from tidewheel.runtime.process import FatalError
from tidewheel.venues.frame_files import FrameWriter
from tidewheel.venues.frame_log import Header, Message, message_line, read_message

GAP = TickFlag.GAP_BEFORE
SECONDS = "5"


def quotes(speaker: Speaker, count: int, first: int = 1) -> list[Said]:
    return [
        Said(speaker.wire, f"{1000 + n}.5", f"{1001 + n}", seq=n, time_us=1_700_000_000_000_000 + n)
        for n in range(first, first + count)
    ]


def says(speaker: Speaker, count: int, first: int = 1, *, ends: bool = False) -> Script:
    async def script(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(speaker, count, first))
        if ends:
            await peer.arrived()
            peer.abort()
        await peer.stay()

    return script


def program(*arguments: str) -> Result:
    return CliRunner().invoke(tidewheel, arguments)


def heard_again(path: Path, symbol: str) -> list[tuple[int, int, TickFlag, int]]:
    source, validator = Frames(path, [symbol], 10**10), Validator()
    judged = [validator.ticks(batch) for batch in source.items()]
    return [
        (bid, offer, TickFlag(flags), one.connection_epoch)
        for one in judged
        for bid, offer, flags in zip(one.quotes.bid_e9, one.quotes.offer_e9, one.quotes.flags.tolist(), strict=True)
    ]


@pytest.mark.parametrize("speaker", [*SPEAKERS, *BOOK_SPEAKERS], ids=lambda one: one.id)
def test_what_was_recorded_is_heard_again(speaker: Speaker, tmp_path: Path) -> None:
    path = tmp_path / "day.frames.jsonl.zst"
    with venue_server(speaker, says(speaker, 5, ends=True), says(speaker, 5, 6)) as server:
        book = ("--book",) if speaker.by_book else ()
        ended = program("record", speaker.name, "--url", server.url, "--out", str(path), "--seconds", SECONDS, *book)
    assert ended.exit_code == 0, ended.output
    assert f"{path}: 10 quotes by 2 connections" in ended.output
    again = heard_again(path, speaker.symbol)
    assert [(bid, offer) for bid, offer, _, _ in again] == [(e9(one.bid), e9(one.offer)) for one in server.quoted]
    first = GAP | TickFlag.SNAPSHOT if speaker.snapshot_first else GAP
    assert [flags for _, _, flags, _ in again] == [first, *[0] * 4] * 2
    assert [epoch for _, _, _, epoch in again] == [1] * 5 + [2] * 5
    second = program("record", speaker.name, "--url", server.url, "--out", str(path), "--seconds", "1")
    assert isinstance(second.exception, FatalError), "a recording is never replaced"


def test_a_look_at_a_venue_says_what_comes() -> None:
    kraken = Kraken()
    with venue_server(kraken, says(kraken, 20)) as server:
        ended = program("feeds", "check", "kraken", "--url", server.url, "--seconds", SECONDS)
    assert ended.exit_code == 0, ended.output
    assert "1 connections, subscribed" in ended.output
    assert "kraken:BTC-USD: 20 quotes, 4.0 a second, the last 1020.5 / 1021" in ended.output
    assert "flagged: 1 gap_before" in ended.output


def test_a_look_at_one_that_is_not_there_fails_with_a_sentence() -> None:
    kraken = Kraken()
    with venue_server(kraken, Http(503)) as server:
        ended = program("feeds", "check", "kraken", "--url", server.url, "--seconds", "1")
    assert ended.exit_code == 1
    assert "never subscribed" in ended.output
    with venue_server(kraken, Http(451)) as server:
        ended = program("feeds", "check", "kraken", "--url", server.url)
    assert "HTTP 451" in str(ended.exception)
    assert program("feeds", "check", "binance", "--instrument", "BTC-USD").exit_code == 2


def written(path: Path, count: int = 3) -> Path:
    kraken = Kraken()
    with FrameWriter(path, Header("kraken", ("BTC-USD", "ETH-USD"))) as writer:
        for number, one in enumerate(quotes(kraken, count), start=1):
            writer.write(Message(number * 10**9, 1, kraken.quote(one)))
            writer.write(Message(number * 10**9, 1, kraken.heartbeat))
    return path


def test_what_is_no_such_recording_is_refused_with_its_reason(tmp_path: Path) -> None:
    path = written(tmp_path / "a.frames.jsonl.zst")
    with pytest.raises(SourceError, match="holds BTC-USD, ETH-USD and not XRP-USD"):
        Frames(path, ["XRP-USD"], 10**10)
    other = tmp_path / "b.frames.jsonl.zst"
    for content in (
        b"",
        b"time_ms,bid,offer\n",
        b'{"tidewheel_frames":1}',
        b"[" * 9999,
        b'{"tidewheel_frames":2,"venue":"kraken","symbols":["A"]}',
    ):
        other.write_bytes(content)
        with pytest.raises(SourceError, match=r"no recording|not known here"):
            Frames(other, ["BTC-USD"], 10**10)


def test_one_that_is_cut_off_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "a.frames.jsonl.zst", 30_000)
    path.write_bytes(path.read_bytes()[:-1000])
    batches: list[RawBatch] = []
    with pytest.raises(SourceError, match="damaged or cut off"):
        batches.extend(Frames(path, ["BTC-USD"], 10**10).items())
    assert sum(map(len, batches)) > 10_000


NO_LINES = (
    *("", "{}", "[1]", "7", "[" * 99_999, '{"recv_ns":-1,"conn":1,"text":"x"}'),
    *('{"recv_ns":1.5,"conn":1,"text":""}', '{"recv_ns":1,"conn":1,"text":7}'),
)


@pytest.mark.parametrize("line", NO_LINES)
def test_a_line_that_is_none_costs_itself_alone(line: str) -> None:
    assert read_message(line) is None


def test_a_line_comes_back_as_it_went() -> None:
    for message in (Message(1, 2, 'a"\n\u2028\ud800'), Message(3, 4, "", lost=True)):
        assert read_message(message_line(message)) == message
