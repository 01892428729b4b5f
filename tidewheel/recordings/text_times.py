"""Dates and times as text: one field at a time, which is the definition, or a whole column of them."""

import re
from datetime import date

import numpy as np
from numpy.typing import NDArray

from tidewheel.domain.market import Int64
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
# Forms of text tried on a column before what is left is read one by one.
FORMS_MAX = 12


def parse_text_time(text: str, how: TextTime) -> int:
    """Nanoseconds since the epoch. Raises ValueError with the end of a sentence that begins with the field."""
    found = (DAY_FIRST if how.day_first else YEAR_FIRST).fullmatch(text) if len(text) <= TEXT_CHARS_MAX else None
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
    return at_s * NS_PER_S + int((found["fraction"] or "0").ljust(9, "0")) - _ahead_ns(found["zone"], how)


def names_zone(text: str, how: TextTime) -> bool:
    """Whether the text says which zone its time is of."""
    found = (DAY_FIRST if how.day_first else YEAR_FIRST).fullmatch(text)
    return found is not None and bool(found["zone"])


def _ahead_ns(zone: str | None, how: TextTime) -> int:
    if not zone:
        return how.zone_ns
    digits = re.sub(r"[^0-9]", "", zone)
    if not digits:
        return 0
    seconds = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
    return (-seconds if "-" in zone else seconds) * NS_PER_S


def text_times(data: NDArray[np.uint8], offsets: NDArray[np.int32], how: TextTime) -> tuple[Int64, NDArray[np.bool_]]:
    """A column of texts in nanoseconds, and which rows are not read here and need a look by themselves.

    Rows of one form, which differ in digits only, are read together: `parse_text_time` reads the first of them, the
    others are that one moved by their digits.
    """
    count = len(offsets) - 1
    lengths = np.diff(offsets)
    times = np.zeros(count, dtype=np.int64)
    left = np.ones(count, dtype=np.bool_)
    for _ in range(FORMS_MAX):
        rows = np.flatnonzero(left)
        if not len(rows):
            break
        form = bytes(data[offsets[rows[0]] : offsets[rows[0] + 1]])
        same = rows[lengths[rows] == len(form)]
        read, which = _of_form(data, offsets, same, form, how)
        if not len(which):
            break
        times[which] = read
        left[which] = False
    return times, left


def _of_form(
    data: NDArray[np.uint8], offsets: NDArray[np.int32], rows: Int64, form: bytes, how: TextTime
) -> tuple[Int64, Int64]:
    """Times of those rows that look like `form`, and which they are."""
    nothing = np.empty(0, dtype=np.int64)
    found = (DAY_FIRST if how.day_first else YEAR_FIRST).fullmatch(form.decode("ascii", errors="replace"))
    if found is None or len(form) > TEXT_CHARS_MAX:
        return nothing, nothing
    if len(rows) == len(offsets) - 1:
        table = data[offsets[0] : offsets[-1]].reshape(len(rows), len(form))
    else:
        table = data[offsets[rows][:, None] + np.arange(len(form))]
    spans = {name: found.span(name) for name in ("year", "month", "day", "hour", "minute", "second", "fraction")}
    digit_at = [at for start, end in spans.values() if start >= 0 for at in range(start, end)]
    other_at = [at for at in range(len(form)) if at not in digit_at]
    digits = table[:, digit_at] - np.uint8(ord("0"))
    alike = (digits < 10).all(axis=1) & (table[:, other_at] == np.frombuffer(form, np.uint8)[other_at]).all(axis=1)
    fields = {name: _digits(table, *span) for name, span in spans.items()}
    days, valid = _days(fields["year"], fields["month"], fields["day"])
    good = alike & valid & (fields["hour"] < 24) & (fields["minute"] < 60) & (fields["second"] < 60)
    seconds = days * S_PER_DAY + fields["hour"] * 3600 + fields["minute"] * 60 + fields["second"]
    start, end = spans["fraction"]
    fraction_ns = fields["fraction"] * 10 ** (9 - (end - start)) if start >= 0 else 0
    times = seconds * NS_PER_S + fraction_ns - _ahead_ns(found["zone"], how)
    return times[good], rows[good]


def _digits(table: NDArray[np.uint8], start: int, end: int) -> Int64:
    value = np.zeros(len(table), dtype=np.int64)
    for at in range(max(start, 0), max(end, 0)):
        value *= 10
        value += table[:, at] - np.uint8(ord("0"))
    return value


def _days(year: Int64, month: Int64, day: Int64) -> tuple[Int64, NDArray[np.bool_]]:
    """Days since the epoch, and whether each is one of the calendar and of a time that fits."""
    valid = (year >= 1970) & (year <= 2261) & (month >= 1) & (month <= 12) & (day >= 1)
    safe_year, safe_month = np.where(valid, year, 1970), np.where(valid, month, 1)
    months = (safe_year - 1970) * 12 + safe_month - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    end = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return first + day - 1, valid & (first + day - 1 < end)
