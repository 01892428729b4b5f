"""Plain decimal numbers of a whole column at once, exactly: eight characters to a word, and no parser of a library.

A character is looked at in its place in a word of 64 bits, the first of eight in the lowest. What is no plain number
here, or has no room, is told as irregular and left to the definition.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tidewheel.domain.market import Int64
from tidewheel.domain.prices import INT64_MAX
from tidewheel.recordings.text_column import MARGIN_BYTES, WORD_BYTES, Mask, TextColumn, Words

U64 = np.uint64
CHARS_MAX = MARGIN_BYTES
BYTES = 0x0101_0101_0101_0101
ZEROS = U64(BYTES * ord("0"))
LOW_BITS, HIGH_BITS = U64(BYTES * 0x7F), U64(BYTES * 0x80)
# What lifts 10 and more, but no digit, to the high bit of its byte.
OVER_NINE = U64(BYTES * (0x80 - 10))
POINT = U64(ord(".") ^ ord("0"))
WORD_DIGITS = 10**WORD_BYTES
# Of each word before a field's end, by the field's length: the bytes that are the field's.
OWN_BYTES = [
    np.array(
        [2**64 - 2 ** (8 * min(max(8 * (number + 1) - length, 0), 8)) for length in range(CHARS_MAX + 1)], dtype=U64
    )
    for number in range(CHARS_MAX // WORD_BYTES)
]
# The digits of a third word, up to which three words fit in 63 bits whatever the others are.
THIRD_WORD_MAX = INT64_MAX // WORD_DIGITS**2 - 1
POWERS = np.array([10**power for power in range(19)], dtype=np.int64)
# Of so many decimals and more, ten times their unit does not fit.
DECIMALS_END = len(POWERS) - 1


@dataclass(frozen=True, slots=True, eq=False)
class ReadColumn:
    """A column's numbers. `irregular`: rows that must be looked at by themselves; their numbers mean nothing.
    `rounded`: rows whose number is not exactly the one that is written; None where there is none."""

    values: Int64
    irregular: Mask
    rounded: Mask | None = None


def scaled(column: TextColumn, power: int, *, points: bool = True) -> ReadColumn:
    """Numbers times ten to the `power`, rounded half to even where they have more decimals.

    A number is of digits and, where `points` are allowed, of one point.
    """
    words, irregular = _digits(column)
    marks = [not_digits(word) for word in words]
    if not any(mark.any() for mark in marks):
        return ReadColumn(_times(_value(words, irregular), power, irregular), irregular)
    if not points:
        irregular |= np.logical_or.reduce([mark != 0 for mark in marks])
        return ReadColumn(_times(_value(words, irregular), power, irregular), irregular)
    places = [mark >> U64(7) for mark in marks]
    irregular |= _beside_one_point(words, marks, places, column)
    value = _value([word ^ place * POINT for word, place in zip(words, places, strict=True)], irregular)
    return _with_decimals(value, _decimals(places), power, irregular)


def _digits(column: TextColumn) -> tuple[list[Words], Mask]:
    """The words of each field, the last first, with the character 0 taken from each byte; and rows of no fit length."""
    shortest, longest = column.length_range
    irregular = np.zeros(len(column), dtype=np.bool_)
    lengths = column.lengths
    if not 0 < shortest <= longest <= CHARS_MAX:
        irregular |= (lengths == 0) | (lengths > CHARS_MAX)
        lengths = np.minimum(lengths, CHARS_MAX)
    words = []
    for number, word in enumerate(column.words_before_end(max(-(-min(longest, CHARS_MAX) // WORD_BYTES), 1))):
        word = word ^ ZEROS
        if shortest < WORD_BYTES * (number + 1):
            word &= OWN_BYTES[number][lengths]
        words.append(word)
    return words, irregular


def not_digits(word: Words) -> Words:
    """The high bit of each byte that is no digit, of a word from which the character 0 was taken."""
    return (((word & LOW_BITS) + OVER_NINE) | word) & HIGH_BITS


def _beside_one_point(
    words: Sequence[Words], marks: Sequence[Words], places: Sequence[Words], column: TextColumn
) -> Mask:
    """Rows in which something else than one point is no digit, or is no digit but the point."""
    wrong = np.zeros(len(column), dtype=U64)
    seen = np.zeros(len(column), dtype=U64)
    for word, mark, place in zip(words, marks, places, strict=True):
        wrong |= mark & (mark - U64(1))
        wrong |= (word ^ place * POINT) & (place * U64(0xFF))
        if len(words) > 1:
            wrong |= np.where(mark != 0, seen, U64(0))
            seen |= mark
    irregular = wrong != 0
    if column.length_range[0] < 2:
        irregular |= (column.lengths < 2) & (marks[0] != 0)
    return np.asarray(irregular)


def _decimals(places: Sequence[Words]) -> Int64:
    """How many digits stand behind the point; -1 where there is none."""
    decimals = np.full(len(places[0]), -1, dtype=np.int64)
    for number, place in enumerate(places):
        if not place.any():
            continue
        # As many ones below the place as bits before it; 64 where there is no point in this word.
        here = 7 - (np.bitwise_count(place - U64(1)) >> 3).astype(np.int64)
        decimals = here if number == 0 else np.where(here >= 0, here + WORD_BYTES * number, decimals)
    return decimals


def _value(words: Sequence[Words], irregular: Mask) -> Int64:
    value = eight_digits(words[0]).view(np.int64)
    if len(words) > 1:
        value += eight_digits(words[1]).view(np.int64) * WORD_DIGITS
    if len(words) > 2:
        third = eight_digits(words[2]).view(np.int64)
        irregular |= third > THIRD_WORD_MAX
        value += third * WORD_DIGITS**2
    return value


def eight_digits(word: Words) -> Words:
    """The number that the eight digits of a word are."""
    pairs = word * U64(10) + (word >> U64(8))
    every_fourth = U64(0x0000_00FF_0000_00FF)
    return (
        (pairs & every_fourth) * U64((1_000_000 << 32) + 100)
        + ((pairs >> U64(16)) & every_fourth) * U64((10_000 << 32) + 1)
    ) >> U64(32)


def _times(value: Int64, power: int, irregular: Mask) -> Int64:
    room = INT64_MAX // 10**power
    if value.max(initial=0) > room:
        irregular |= value > room
    scaled_value: Int64 = value * 10**power
    return scaled_value


def _with_decimals(value: Int64, decimals: Int64, power: int, irregular: Mask) -> ReadColumn:
    """`value` has a 0 where the point was. That is a tenfold of the whole part, which is taken out again; the same
    goes for a number without a point that has one decimal less than none."""
    least, most = int(decimals.min()), int(decimals.max())
    scale = np.array([10 ** max(power - behind, 0) for behind in range(-1, most + 1)], dtype=np.int64)
    factor: Int64 | np.int64 = scale[least + 1] if least == most else scale[decimals + 1]
    if int(value.max()) > INT64_MAX // int(scale[least + 1]):
        irregular |= value > INT64_MAX // factor
    tenfold = value * factor
    exact: Int64 = tenfold - tenfold // 10 ** (power + 1) * (9 * 10**power)
    if most <= power:
        return ReadColumn(exact, irregular)
    rows = np.flatnonzero((decimals > power) & ~irregular)
    exact[rows], irregular[rows], off = _rounded(value[rows], decimals[rows], power)
    rounded = np.zeros(len(irregular), dtype=np.bool_)
    rounded[rows] = off
    return ReadColumn(exact, irregular, rounded)


def _rounded(value: Int64, decimals: Int64, power: int) -> tuple[Int64, Mask, Mask]:
    """Numbers of more decimals than `power`; which have no room, or nothing left; and which are not exact."""
    irregular = decimals >= DECIMALS_END
    decimals = np.where(irregular, power + 1, decimals)
    unit = POWERS[decimals + 1]
    whole = value // unit
    irregular |= whole >= INT64_MAX // 10**power
    fraction, part = value - whole * unit, POWERS[decimals - power]
    kept = fraction // part
    rest = fraction - kept * part
    number = np.where(irregular, 0, whole) * 10**power + kept
    number += (rest > part // 2) | ((rest == part // 2) & (number % 2 == 1))
    return number, irregular | ((number == 0) & (rest != 0)), rest != 0
