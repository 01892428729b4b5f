"""Recorded messages of a venue: a line of JSON each, behind a line that says what is recorded. Pure: texts only.

A recording is heard again by the same parser, so what the venue said is kept as it was said, with when and by which
connection.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tidewheel.domain.prices import INT64_MAX
from tidewheel.recordings.quotes import SourceError

SUFFIX = ".frames.jsonl.zst"
VERSION = 1
LINE_CHARS_MAX = 64_000_000  # of the longest message, every character of it escaped


@dataclass(frozen=True, slots=True)
class Header:
    """What is recorded: symbols are canonical."""

    venue: str
    symbols: tuple[str, ...]


class Message(NamedTuple):
    """What connection `number` brought; `lost`: instead, that one was lost, after which quotes may be missing."""

    received_ns: int
    number: int
    text: str
    lost: bool = False


def header_line(header: Header) -> str:
    return json.dumps({"tidewheel_frames": VERSION, "venue": header.venue, "symbols": header.symbols}) + "\n"


def message_line(message: Message) -> str:
    more = {"lost": True} if message.lost else {}
    return json.dumps({"recv_ns": message.received_ns, "conn": message.number, "text": message.text, **more}) + "\n"


def read_header(line: str, name: str, venues: Sequence[str]) -> Header:
    """Raises SourceError where it is none."""
    try:
        read = json.loads(line)
        version, header = read["tidewheel_frames"], Header(str(read["venue"]), tuple(map(str, read["symbols"])))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SourceError(f"{name} is no recording of a venue's messages: its first line does not say so") from None
    if version != VERSION or header.venue not in venues or not header.symbols:
        raise SourceError(
            f"{name} is of version {version!s:.20} and venue {header.venue:.50}, which are not known here"
        )
    return header


def read_message(line: str) -> Message | None:
    """None for a line that is none."""
    try:
        read = json.loads(line)
        message = Message(_whole(read["recv_ns"]), _whole(read["conn"]), read["text"], read.get("lost") is True)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return message if isinstance(message.text, str) else None


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 < value <= INT64_MAX:
        raise ValueError("no whole number above zero")
    return value


def lines(chunks: Iterable[bytes], name: str) -> Iterator[str]:
    """Chunks of bytes cut at line ends. Raises SourceError for a line longer than any that is written."""
    left = b""
    for chunk in chunks:
        *whole, left = (left + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
        if len(left) > LINE_CHARS_MAX:
            raise SourceError(f"{name} has a line of over {LINE_CHARS_MAX:,} bytes: it is no recording of messages")
    if left:
        yield left.decode(errors="replace")
