"""What `tidewheel data check` found, as text and as plain values. Pure."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from tidewheel.domain.prices import decimal_text
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.account import account_lines
from tidewheel.recordings.checking import Check, InstrumentCheck, layout_dict
from tidewheel.recordings.profile import GAP_S, Profile

NAME_WIDTH = 11


def check_dict(file: str, found: Check) -> dict[str, Any]:
    """All that was found of a file, for programs."""
    return {
        "file": file,
        "failure": found.failure or None,
        "layouts": {name: layout_dict(layout) for name, layout in found.files.items()},
        "of": found.of,
        "account": found.account.as_dict(found.describe),
        "rejected_share": found.account.rows_rejected / found.account.rows if found.account.rows else None,
        "profile": found.profile.as_dict() if found.profile.ticks else None,
        "instruments": {
            name: {
                "account": one.account.as_dict(found.describe),
                "profile": one.profile.as_dict() if one.profile.ticks else None,
            }
            for name, one in found.each.items()
        },
    }


def check_text(file: str, found: Check) -> str:
    """The same for people; a failure last, where it is seen."""
    lines = [file]
    lines += [_line("" if number else "read as", layout) for number, layout in enumerate(found.layouts)]
    if found.of:
        lines.append(_line("of", ", ".join(f"{name} = {value}" for name, value in found.of.items())))
    if found.account.rows:
        accounted = account_lines(found.account.as_dict(found.describe))
        lines += [_line("rows" if not number else "", line) for number, line in enumerate(accounted)]
    if found.profile.ticks:
        lines += [_line(name, line) for name, line in _profile(found.profile)]
    for name, one in sorted(found.each.items()):
        lines += [f"  {name}", *(f"  {line}" for line in _instrument(one, found.describe))]
    if found.failure:
        lines.append(_line("REFUSED", found.failure))
    return "\n".join(lines)


def _instrument(one: InstrumentCheck, describe: Callable[[int], str]) -> Iterator[str]:
    """One of several."""
    for number, line in enumerate(account_lines(one.account.as_dict(describe))):
        yield _line("" if number else "rows", line)
    if one.profile.ticks:
        yield from (_line(name, line) for name, line in _profile(one.profile))


def _line(name: str, text: str) -> str:
    return f"  {name:<{NAME_WIDTH}}{text}"


def _profile(profile: Profile) -> Iterator[tuple[str, str]]:
    sessions = "1 session" if profile.sessions == 1 else f"{profile.sessions:,} sessions"
    yield (
        "span",
        f"{instant(profile.first_ns)} to {instant(profile.last_ns)} UTC: {sessions}, {length(profile.traded_s)}",
    )
    if profile.gaps:
        longest = ", ".join(
            f"{length(gap.length_ns / NS_PER_S)} from {instant(gap.from_ns)}" for gap in profile.gaps[:3]
        )
        yield "gaps", f"{profile.sessions - 1:,} longer than {GAP_S // 60} min, the longest {longest}"
    yield "quotes", f"{profile.ticks_per_s:,.3g} a second of session, {profile.busiest_second:,} in the busiest"
    prices = f"{decimal_text(profile.bid_min_e9)} to {decimal_text(profile.offer_max_e9)}"
    yield "prices", f"{prices}, all multiples of {decimal_text(profile.price_step_e9)}"
    if (spread := profile.spread()) is not None:
        median, high = decimal_text(spread.median_e9), decimal_text(spread.high_e9)
        yield "spread", f"median {median} ({spread.median_bps:.3g} bps), 95 % up to {high}; {sample(profile)}"
    yield "threshold", _advice(profile, spread.median_e9 if spread else 0)


def _advice(profile: Profile, spread_e9: int) -> str:
    advice = profile.advice()
    if advice is None:
        return "too short, or too quiet, to tell at which one labels live some minutes"
    of_spread = f", {advice.threshold_e9 / spread_e9:.3g} times the spread" if spread_e9 else ""
    return (
        f"{decimal_text(advice.threshold_e9)} ({advice.bps:.3g} bps{of_spread}): half of the labels end within "
        f"{length(advice.life_s_median)}, {advice.profit_share:.0%} of them PROFIT; of {advice.starts} orders on "
        f"{sample(profile)}"
    )


def sample(profile: Profile) -> str:
    """What some figures are of."""
    step_s, count = profile.closings.step_s, len(profile.closings.series()[0])
    return f"the last quotes of {count:,} " + ("seconds" if step_s == 1 else f"stretches of {step_s} s")


def instant(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // NS_PER_S, UTC):%Y-%m-%d %H:%M:%S}"


def length(seconds: float) -> str:
    """A length of time in the unit that says most."""
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.1f} s"
