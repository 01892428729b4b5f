"""Dates and times of a whole column of texts at once, as `text_times` reads each."""

import re
from functools import cached_property

import numpy as np

from tidewheel.domain.market import Int64
from tidewheel.domain.time import NS_PER_S, S_PER_DAY
from tidewheel.recordings.digits import HIGH_BITS, LOW_BITS, U64
from tidewheel.recordings.layout import TextTime
from tidewheel.recordings.text_column import WORD_BYTES, Mask, TextColumn, Words
from tidewheel.recordings.text_times import ahead_ns, match_time

# Forms of text tried before what is left is read one by one.
FORMS_MAX = 12
YEARS = range(1970, 2262)
MONTHS = np.arange(len(YEARS) * 12 + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
FIRST_DAY, DAYS_IN = MONTHS[:-1], np.diff(MONTHS)


def text_times(column: TextColumn, how: TextTime) -> tuple[Int64, Mask]:
    """Instants in nanoseconds, and which rows are not read here and need a look by themselves.

    Rows of one form, which differ in digits only, are read together.
    """
    times = np.zeros(len(column), dtype=np.int64)
    left = np.ones(len(column), dtype=np.bool_)
    for _ in range(FORMS_MAX):
        rows = np.flatnonzero(left)
        if not len(rows):
            break
        text = column[int(rows[0])]
        form = match_time(text.decode("ascii", errors="replace"), how)
        if form is None:
            break
        same = rows[column.lengths[rows] == len(text)]
        read, good = _of_form(column, column.starts[same], form, how)
        if not good.any():
            break
        if good.all() and len(good) == len(column):
            return read, ~good
        times[same[good]] = read[good]
        left[same[good]] = False
    return times, left


def _of_form(column: TextColumn, starts: Int64, form: re.Match[str], how: TextTime) -> tuple[Int64, Mask]:
    """Times of texts as long as the form, and which of them are of it and name an instant."""
    digits = _FormDigits(column, starts, form)
    month = digits.number("month") - 1
    months = (digits.number("year") - YEARS.start) * 12 + month
    known = months.clip(0, len(FIRST_DAY) - 1)
    day = digits.number("day") - 1
    hour, minute, second = (digits.number(name) for name in ("hour", "minute", "second"))
    # What is below zero is, without its sign, above all.
    good = digits.alike & (months == known) & (month.view(U64) < 12) & (day.view(U64) < DAYS_IN[known].view(U64))
    good &= (hour < 24) & (minute < 60) & (second < 60)
    seconds = (FIRST_DAY[known] + day) * S_PER_DAY + hour * 3600 + minute * 60 + second
    start, end = form.span("fraction")
    fraction_ns = digits.number("fraction") * 10 ** (9 - (end - start))
    return seconds * NS_PER_S + (fraction_ns - ahead_ns(form["zone"], how)), good


class _FormDigits:
    """The digits of texts of one form, from words of theirs that overlap, so that any two neighbours are in one."""

    def __init__(self, column: TextColumn, starts: Int64, form: re.Match[str]) -> None:
        self._form = form
        text = form.string.encode()
        digit_at = {at for name in form.groupdict() if name not in ("sep", "zone") for at in range(*form.span(name))}
        first = bytes(ord("0") if at in digit_at else character for at, character in enumerate(text))
        lift = bytes(0x80 - 10 if at in digit_at else 0x80 - 1 for at in range(len(text)))
        last = len(text) - WORD_BYTES
        self._words: list[Words] = []
        self._at = [*range(0, last, WORD_BYTES - 1), last]
        unlike = np.zeros(len(starts), dtype=U64)
        for at in self._at:
            word = column.words(starts + at) ^ _word(first, at)
            unlike |= ((word & LOW_BITS) + _word(lift, at)) | word
            self._words.append(word)
        self.alike: Mask = (unlike & HIGH_BITS) == 0

    @cached_property
    def _pairs(self) -> list[Words]:
        return [word * U64(10) + (word >> U64(8)) for word in self._words]

    def number(self, name: str) -> Int64:
        """Of one of the form's parts; 0 where it is not there."""
        start, end = self._form.span(name)
        value = np.zeros(len(self.alike), dtype=np.int64)
        for at in range(start, end - 1, 2):
            value = value * 100 + self._byte(self._pairs, at)
        return value * 10 + self._byte(self._words, end - 1) if (end - start) % 2 else value

    def _byte(self, words: list[Words], at: int) -> Int64:
        number = min(at // (WORD_BYTES - 1), len(self._at) - 1)
        found = (words[number] >> U64(8 * (at - self._at[number]))) & U64(0xFF)
        return found.view(np.int64)


def _word(text: bytes, at: int) -> np.uint64:
    return U64(int.from_bytes(text[at : at + WORD_BYTES], "little"))
