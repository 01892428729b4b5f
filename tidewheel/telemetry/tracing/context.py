"""Where a span stands: ids that everybody computes alike from what the span is of, and the header that carries them.

Nothing here is drawn by chance: the same market second, window or batch has the same ids in each service, after each
restart and in each replay.
"""

import re
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

from tidewheel.domain.errors import TidewheelError

HEADER = "traceparent"
Headers: TypeAlias = list[tuple[str, str | bytes | None]]  # as clients of Kafka have them
TRACE_ID_BYTES, SPAN_ID_BYTES = 16, 8
# Of version 00; later versions may have more behind it, which is not ours to read.
TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII | re.DOTALL)
TRACEPARENT_MAX = 512
SAMPLED = 1
LOW_BITS = (1 << 64) - 1
SEPARATOR = "\x1f"  # in no name


class TraceparentError(TidewheelError):
    """A header that is no W3C trace context."""


class TraceContext(NamedTuple):
    """One span's place. `sampled`: whether it is recorded, and what follows from it."""

    trace_id: int
    span_id: int
    sampled: bool

    @property
    def trace_id_hex(self) -> str:
        """As backends show and search it."""
        return f"{self.trace_id:032x}"

    def within(self, *names: object) -> "TraceContext":
        """Another span of the same trace, by what it is of."""
        return TraceContext(self.trace_id, _digest(f"{self.trace_id:x}", *names)[1], self.sampled)

    @property
    def headers(self) -> Headers:
        """What a record carries."""
        return [(HEADER, f"00-{self.trace_id:032x}-{self.span_id:016x}-{self.sampled:02x}".encode())]


def derived(ratio: float, *names: object) -> TraceContext:
    """The first span of a trace of its own, by what it is of. `ratio`: the share of traces that are recorded."""
    trace_id, span_id = _digest(*names)
    return TraceContext(trace_id, span_id, is_sampled(trace_id, ratio))


def is_sampled(trace_id: int, ratio: float) -> bool:
    """Whether a trace is among the share that is recorded, by OpenTelemetry's rule, so that all agree."""
    return (trace_id & LOW_BITS) < round(ratio * (LOW_BITS + 1))


def parse(value: object) -> TraceContext:
    """What a header says. Raises TraceparentError."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if not isinstance(text, str) or len(text) > TRACEPARENT_MAX:
        raise TraceparentError("it is no short text")
    found = TRACEPARENT.fullmatch(text)
    if found is None:
        raise TraceparentError("it is not laid out as version-traceid-spanid-flags, in small hexadecimal letters")
    version, trace, span, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None):
        raise TraceparentError("there is no such version")
    if not int(trace, 16) or not int(span, 16):
        raise TraceparentError("an id of it is zero")
    return TraceContext(int(trace, 16), int(span, 16), bool(int(flags, 16) & SAMPLED))


def _digest(*names: object) -> tuple[int, int]:
    digest = blake2b(SEPARATOR.join(map(str, names)).encode(), digest_size=TRACE_ID_BYTES + SPAN_ID_BYTES).digest()
    trace_id = int.from_bytes(digest[:TRACE_ID_BYTES], "big")
    return trace_id or 1, int.from_bytes(digest[TRACE_ID_BYTES:], "big") or 1
