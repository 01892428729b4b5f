"""From the first rows of a file to its layout, or a refusal that says what to do. Pure; every guess leaves a note."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from statistics import mode

from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.layout import UNIT_NAMES, UNITS_NS, CandleQuotes, Layout, NumberTime, TextTime
from tidewheel.recordings.layouts import (
    APART,
    BID,
    BID_SIZE,
    CANDLE,
    HEADERLESS,
    HISTDATA_TIME,
    HISTDATA_ZONE_H,
    KNOWN,
    OFFER,
    OFFER_SIZE,
    TIME,
    UNIT_WORDS,
    Headerless,
    KnownLayout,
    plain,
)
from tidewheel.recordings.options import FIRST_YEAR, ReadingOptions
from tidewheel.recordings.quotes import SourceError
from tidewheel.recordings.text_times import names_zone, parse_text_time

HOUR_NS = 3600 * NS_PER_S
MINUTE_NS = 60 * NS_PER_S
NUMBER = re.compile(r"\d+(\.\d*)?")
SHOWN_CHARS = 200
# What a share of a sample has to say to be believed against a column's name.
MOST = 0.9


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of a file as texts. `names`: None where there is no header. `instants`: columns whose type is an
    instant; their texts are nanoseconds. `first`: the place of the first row in words."""

    file: str
    names: tuple[str, ...] | None
    rows: tuple[tuple[str, ...], ...]
    delimiter: str = ","
    quoted: bool = False
    instants: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    first: str = "line 2"

    def texts(self, columns: Sequence[str], name: str) -> list[str]:
        """What the rows that are whole say in a column."""
        at = list(columns).index(name)
        return [row[at].strip() for row in self.rows if len(row) == len(columns) and row[at].strip()]


def guess_layout(sample: Sample, options: ReadingOptions) -> Layout:
    """Raises SourceError where the columns are not understood, or contradict their names."""
    columns, headerless = _column_names(sample)
    _check_unique(sample, columns, options)
    draft = _roles(sample, columns, headerless, options)
    draft = replace(draft, notes=(*sample.notes, *draft.notes))
    layout = _with_chosen(sample, _with_clock(sample, draft, headerless, options), options)
    for name in layout.wanted:
        if columns.count(name) > 1:
            raise SourceError(f"{sample.file}: column {name} is there twice")
    return layout


def _column_names(sample: Sample) -> tuple[tuple[str, ...], Headerless | None]:
    if sample.names is not None:
        return sample.names, None
    rows = sample.rows
    for known in HEADERLESS:
        shapes = [re.compile(shape) for shape in known.fields]
        if rows and all(
            len(row) == len(shapes)
            and all(shape.fullmatch(text.strip()) for shape, text in zip(shapes, row, strict=True))
            for row in rows[:5]
        ):
            return known.columns, known
    return tuple(str(number + 1) for number in range(len(rows[0]) if rows else 0)), None


def _check_unique(sample: Sample, columns: Sequence[str], options: ReadingOptions) -> None:
    for role, name in options.columns:
        if name not in columns:
            raise SourceError(f"{sample.file} has no column {name!r} for {role}; it has {_shown(columns)}")
    if options.chosen and options.chosen.name not in columns:
        raise SourceError(f"{sample.file} has no column {options.chosen.name!r}; it has {_shown(columns)}")


def _shown(columns: Sequence[str]) -> str:
    return repr(",".join(columns)[:SHOWN_CHARS])


def _roles(sample: Sample, columns: tuple[str, ...], headerless: Headerless | None, options: ReadingOptions) -> Layout:
    base = Layout(
        name="",
        columns=columns,
        time="",
        prices=(),
        clock=NumberTime("ms"),
        delimiter=sample.delimiter,
        header=sample.names is not None,
        quoted=sample.quoted,
    )
    if not options.columns and (known := _known(sample, columns)) is not None:
        return _of_known(base, known, columns)
    named = options.named
    bid, offer = (named.get(role) or _one(sample, columns, names) for role, names in (("bid", BID), ("offer", OFFER)))
    if (bid is None or offer is None) and (candles := _candles(sample, base, headerless, options)) is not None:
        return candles
    time = named.get("time") or _time(sample, columns)
    if bid is None or offer is None or time is None:
        missing = [n for n, found in (("time", time), ("bid", bid), ("offer", offer)) if found is None]
        raise SourceError(
            f"{sample.file}: no column is understood as its {' or '.join(missing)}; it has {_shown(columns)}. "
            "Say which they are: --columns time=…,bid=…,offer=…" + (" by number" if sample.names is None else "")
        )
    return replace(
        base,
        name=headerless.name if headerless else "columns by their names",
        time=time,
        prices=(bid, offer),
        bid_size=named.get("bid_size") or _one(sample, columns, BID_SIZE),
        offer_size=named.get("offer_size") or _one(sample, columns, OFFER_SIZE),
        apart=_apart_of(columns, (time, bid, offer)),
        notes=(headerless.note,) if headerless and headerless.note else (),
    )


def _known(sample: Sample, columns: Sequence[str]) -> KnownLayout | None:
    lowered = [name.lower() for name in columns]
    found = [known for known in KNOWN if all(lowered.count(name.lower()) for name in known.required)]
    if len(found) > 1 and found[0].name == "own columns" == found[1].name:
        raise SourceError(f"{sample.file}: which column is its time: {found[0].time} or {found[1].time}?")
    for name in found[0].required if found else ():
        if lowered.count(name.lower()) > 1:
            raise SourceError(f"{sample.file}: column {name} is there twice")
    return found[0] if found else None


def _of_known(base: Layout, known: KnownLayout, columns: Sequence[str]) -> Layout:
    by_name = {name.lower(): name for name in columns}
    time, bid, offer = (by_name[name.lower()] for name in known.required)
    if known.apart is None:
        apart = _apart(columns, (time, bid, offer))
    else:
        apart = tuple(by_name[name] for name in known.apart if name in by_name)
    return replace(
        base,
        name=known.name,
        time=time,
        prices=(bid, offer),
        bid_size=by_name.get(known.bid_size.lower()),
        offer_size=by_name.get(known.offer_size.lower()),
        clock=TextTime(day_first=True) if known.day_first else NumberTime(known.unit or "ms"),
        apart=apart,
        notes=(known.note,) if known.note else (),
    )


def _one(sample: Sample, columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The one column that goes by one of these names."""
    found = [name for name in columns if plain(name) in names]
    if len(found) > 1:
        raise SourceError(
            f"{sample.file}: columns {found[0]} and {found[1]} could be the same thing. Say which is meant by --columns"
        )
    return found[0] if found else None


def _time(sample: Sample, columns: Sequence[str]) -> str | None:
    found = [name for name in columns if TIME.fullmatch(plain(name)) or name in sample.instants]
    found = list(dict.fromkeys(found))
    if len(found) > 1:
        raise SourceError(
            f"{sample.file}: which column is its time: {' or '.join(found[:4])}? Say it by --columns time={found[0]}"
        )
    return found[0] if found else None


def _apart(columns: Sequence[str], taken: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in columns if plain(name) in APART and name not in taken)


def _apart_of(columns: Sequence[str], roles: tuple[str, str, str]) -> tuple[str, ...]:
    """As `_apart`, where those of a published layout are not known better."""
    known = _fixed_point(columns, roles[1:])
    if known is None or known.apart is None:
        return _apart(columns, roles)
    return tuple(name for name in columns if name.lower() in known.apart and name not in roles)


def _candles(sample: Sample, base: Layout, headerless: Headerless | None, options: ReadingOptions) -> Layout | None:
    by_name = {plain(name): name for name in base.columns}
    if not all(name in by_name for name in CANDLE):
        return None
    if options.candle_spread is None:
        raise SourceError(
            f"{sample.file} holds candles, not quotes: no bid, no offer, and nothing of what was between. Given a "
            "spread, each is taken as one coarse quote at its end: --candle-spread 2bps. Labels made of them say little"
        )
    end = by_name.get("closetime")
    time = options.named.get("time") or end or by_name.get("opentime") or _time(sample, base.columns)
    if time is None:
        raise SourceError(f"{sample.file}: no column is understood as its time; it has {_shown(base.columns)}")
    return replace(
        base,
        name=f"{headerless.name if headerless else 'candles'} as coarse quotes",
        time=time,
        prices=(by_name["close"],),
        apart=_apart(base.columns, (time,)),
        candles=CandleQuotes(options.candle_spread),
        shift_ns=0 if time == end else MINUTE_NS,
        notes=("labels made of candles say little",),
    )


# ---- time ----------------------------------------------------------------------------------------------------------


def _with_clock(sample: Sample, layout: Layout, headerless: Headerless | None, options: ReadingOptions) -> Layout:
    texts = sample.texts(layout.columns, layout.time)
    if layout.time in sample.instants:
        layout = replace(layout, clock=NumberTime("ns"))
    elif options.time_unit is None and texts and not _mostly(texts, NUMBER) and _text_time(texts) is not None:
        layout = _with_text_clock(sample, layout, texts, headerless)
    else:
        layout = _with_number_clock(sample, layout, texts, options)
    return _with_candle_step(sample, layout, texts) if layout.candles and layout.shift_ns else layout


def _mostly(texts: Sequence[str], shape: re.Pattern[str]) -> bool:
    return sum(shape.fullmatch(text) is not None for text in texts) >= len(texts) / 2


def _text_time(texts: Sequence[str]) -> TextTime | None:
    """The form that most of them are read in."""
    for how in (TextTime(), TextTime(day_first=True)):
        if sum(_reads(text, how) for text in texts) >= len(texts) / 2:
            return how
    return None


def _reads(text: str, how: TextTime) -> bool:
    try:
        parse_text_time(text, how)
    except ValueError:
        return False
    return True


def _with_text_clock(sample: Sample, layout: Layout, texts: Sequence[str], headerless: Headerless | None) -> Layout:
    how = _text_time(texts)
    assert how is not None
    if how.day_first and "/" in texts[0]:
        raise SourceError(
            f"{sample.file}: {layout.time} {texts[0]!r} may be of a day or of a month first. Write it as 2024-12-31"
        )
    if all(HISTDATA_TIME.fullmatch(text) for text in texts):
        note = () if headerless else ("HistData's times are EST all year",)
        layout = replace(layout, notes=(*layout.notes, *note))
        how = replace(how, zone_ns=HISTDATA_ZONE_H * HOUR_NS, zone=f"UTC{HISTDATA_ZONE_H:+d}")
    elif all(names_zone(text, how) for text in texts):
        how = replace(how, zone="each with its zone")
    return replace(layout, clock=how)


def _with_number_clock(sample: Sample, layout: Layout, texts: Sequence[str], options: ReadingOptions) -> Layout:
    named = _unit_by_name(layout)
    unit = options.time_unit or named
    numbers = [float(text) for text in texts if NUMBER.fullmatch(text)]
    fitting = _unit_by_size(numbers, options)
    if unit is None:
        if fitting is None and numbers:
            raise SourceError(
                f"{sample.file}, {sample.first}: {layout.time} {texts[0][:50]} is of no year that is "
                "likely, in whatever unit. Say which it is by --time-unit s, ms, us or ns, and --any-year"
            )
        if fitting is None:
            shown = f"{texts[0][:50]!r} is neither a number nor a date with its time" if texts else "is empty"
            raise SourceError(f"{sample.file}, {sample.first}: {layout.time} {shown}")
        layout = replace(layout, notes=(*layout.notes, f"the unit of time is told by its size: {UNIT_NAMES[fitting]}"))
    elif options.year_max and fitting is not None and fitting != unit:
        _refuse_unit(sample, layout, texts, unit, fitting)
    unit = unit or fitting
    assert unit is not None
    own = layout.name == "own columns"
    fractions = not own and any("." in text for text in texts)
    return replace(layout, clock=NumberTime(unit, fractions))


def _unit_by_name(layout: Layout) -> str | None:
    """The unit that a column's name, or the layout's table, says."""
    for known in KNOWN:
        if known.name == layout.name and known.time.lower() == layout.time.lower():
            return known.unit
    found = re.search(r"(?:^|[^a-zA-Z]|(?<=[a-z])(?=[A-Z]))([a-zA-Z]+)\)?$", layout.time)
    return UNIT_WORDS.get(found[1].lower()) if found else None


def _unit_by_size(numbers: Sequence[float], options: ReadingOptions) -> str | None:
    """The one unit in which nearly all of them are of a likely year."""
    last = _year_s((options.year_max or 2100) + 1)
    for unit, unit_ns in UNITS_NS.items():
        likely = [_year_s(FIRST_YEAR) <= number * unit_ns / NS_PER_S < last for number in numbers]
        if numbers and sum(likely) >= MOST * len(numbers):
            return unit
    return None


def _year_s(year: int) -> float:
    return datetime(year, 1, 1, tzinfo=UTC).timestamp()


def _refuse_unit(sample: Sample, layout: Layout, texts: Sequence[str], unit: str, fitting: str) -> None:
    text = next(text for text in texts if NUMBER.fullmatch(text))
    at_s = float(text) * UNITS_NS[unit] / NS_PER_S
    year = datetime.fromtimestamp(at_s, UTC).year if at_s < _year_s(9000) else "past 9000"
    where = f"{sample.file}, {sample.first}"
    raise SourceError(
        f"{where}: {layout.time} {text[:50]} in {UNIT_NAMES[unit]} is of the year {year}. "
        f"Is it in {UNIT_NAMES[fitting]}? Then say --time-unit {fitting}; if it is as it says, --any-year"
    )


def _with_candle_step(sample: Sample, layout: Layout, texts: Sequence[str]) -> Layout:
    """Candles that are named by their beginning end a minute later, if they are of a minute."""
    times = []
    for text in texts:
        if isinstance(layout.clock, NumberTime):
            times.append(int(float(text) * layout.clock.unit_ns) if NUMBER.fullmatch(text) else 0)
        elif _reads(text, layout.clock):
            times.append(parse_text_time(text, layout.clock))
    steps = [round((after - before) / NS_PER_S) for before, after in pairwise(times)]
    if not steps or mode(steps) != 60:
        raise SourceError(
            f"{sample.file}: its candles are {f'{mode(steps)} s' if steps else 'too few to tell how long'} apart. Only "
            "those of one minute can be taken as quotes"
        )
    return replace(layout, notes=(*layout.notes, f"{layout.time} is a candle's beginning, its end is a minute later"))


# ---- what tells apart ----------------------------------------------------------------------------------------------


def _with_chosen(sample: Sample, layout: Layout, options: ReadingOptions) -> Layout:
    """Raises SourceError where the sample shows more than one instrument and none is chosen."""
    scale, size_scale = _scales(sample, layout)
    notes = (*layout.notes, "prices are whole numbers of 1e-9") if scale else layout.notes
    layout = replace(layout, chosen=options.chosen, scale=scale, size_scale=size_scale, notes=notes)
    if options.chosen is None:
        for name in layout.apart:
            found = list(dict.fromkeys(sample.texts(layout.columns, name)))
            if len(found) > 1:
                listed = ", ".join(found[:6]) + (", …" if len(found) > 6 else "")
                raise SourceError(
                    f"{sample.file}: column {name} tells quotes of several apart: {listed}. Choose one by "
                    f"--instrument-column {name}={found[0]}, or run each as an instrument of its own by "
                    f"--instrument-column {name}"
                )
    return layout


def _scales(sample: Sample, layout: Layout) -> tuple[int, int]:
    """Of prices and of sizes: whole numbers are of 1e-9 where the layout has them so."""
    prices = [text for name in layout.prices for text in sample.texts(layout.columns, name)]
    known = _fixed_point(layout.columns, layout.prices)
    if known is None or not prices or not all(text.isdigit() for text in prices):
        return 0, 0
    return -9, -9 if known.fixed_sizes else 0


def _fixed_point(columns: Sequence[str], prices: Sequence[str]) -> KnownLayout | None:
    """The published layout whose whole prices are of 1e-9 that this file is of, whichever of its columns are read."""
    names = {name.lower() for name in columns}
    for known in KNOWN:
        if known.fixed_point and (
            names.issuperset(name.lower() for name in known.required)
            or (known.own_names and all(known.own_names.fullmatch(name.lower()) for name in prices))
        ):
            return known
    return None
