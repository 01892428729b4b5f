"""Dates and times as text, one field at a time: the definition."""

import re
from datetime import date

from tidewheel.domain.time import NS_PER_S, S_PER_DAY
from tidewheel.recordings.layout import TextTime

EPOCH_DAY = date(1970, 1, 1).toordinal()
TIME_OF_DAY = (
    r"(?P<hour>\d{2}):?(?P<minute>\d{2})(:?(?P<second>\d{2})([.,]?(?P<fraction>\d{1,9}))?)?"
    r"(?P<zone> ?(Z|UTC|GMT)| ?(GMT|UTC)?[+-]\d{2}(:?\d{2})?)?"
)
YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})(?P<sep>[-./]?)(?P<month>\d{2})(?P=sep)(?P<day>\d{2})[T D]?" + TIME_OF_DAY, re.ASCII
)
DAY_FIRST = re.compile(
    r"(?P<day>\d{2})(?P<sep>[-./])(?P<month>\d{2})(?P=sep)(?P<year>\d{4})[T ]" + TIME_OF_DAY, re.ASCII
)
TEXT_CHARS_MAX = 48


def parse_text_time(text: str, how: TextTime) -> int:
    """Nanoseconds since the epoch. Raises ValueError with the end of a sentence that begins with the field."""
    found = match_time(text, how)
    if found is None:
        raise ValueError("is no date and time")
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("is no time of day")
    try:
        day = date(int(found["year"]), int(found["month"]), int(found["day"])).toordinal() - EPOCH_DAY
    except ValueError:
        raise ValueError("is no day of the calendar") from None
    at_s = day * S_PER_DAY + hour * 3600 + minute * 60 + second
    return at_s * NS_PER_S + int((found["fraction"] or "0").ljust(9, "0")) - ahead_ns(found["zone"], how)


def match_time(text: str, how: TextTime) -> re.Match[str] | None:
    """Its parts by their names, where it is a date and time."""
    return (DAY_FIRST if how.day_first else YEAR_FIRST).fullmatch(text) if len(text) <= TEXT_CHARS_MAX else None


def names_zone(text: str, how: TextTime) -> bool:
    """Whether the text says which zone its time is of."""
    found = match_time(text, how)
    return found is not None and bool(found["zone"])


def ahead_ns(zone: str | None, how: TextTime) -> int:
    """How far a zone as it is written, or the one that is meant where there is none, is ahead of UTC."""
    if not zone:
        return how.zone_ns
    digits = re.sub(r"[^0-9]", "", zone)
    if not digits:
        return 0
    seconds = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
    return (-seconds if "-" in zone else seconds) * NS_PER_S
