"""When two TIMEX3 values say the same, under the rules of the 2012 i2b2 script.

Dates, times and all mixed types compare as strings, whatever their case. Durations (P3D) and frequencies (RP12H,
R3P1D) compare as numbers of a unit. Hours and seconds may leave out the T of PT; minutes may not, for M alone is
months. In one unit, values are equal as they are written where neither carries a modifier, and otherwise lie less than
3 apart. Different units are turned into hours, with months of 4 weeks and years of 12 months, and with seconds of
1/2400 hour as in the script; they are equal, or, with a modifier, the second lies above the first less 2 of the first's
units (or above 0) and no further up than 2 of them. So the order of the two matters with a modifier.

Not repeated: the script's crashes on values that its patterns let pass but that hold no number. These are not equal to
anything here, save where the script never looks at the number.
"""

import re

__all__ = ["same_value"]

DURATION = re.compile(r"^PT*\d*\.?\d*[YMWDHS]?$")
FREQUENCY = re.compile(r"^R\d*\.?\d*P?T?\d*\.?\d*[YMWDHS]?$")
PERIODIC = ("DURATION", "FREQUENCY")
HOURS = {"D": 24.0, "W": 24.0 * 7, "Y": 24.0 * 4 * 7 * 12, "H": 1.0}
HOURS_OF_A_MONTH = 4.0 * 7 * 24
MINUTES_OF_AN_HOUR = 60.0
SECONDS_OF_AN_HOUR = 2400.0  # so it says in the script
NONE = "NA"
LEEWAY = 2.0


def same_value(kinds: tuple[str, str], values: tuple[str, str], modifiers: tuple[str, str]) -> bool:
    """Say whether the second value agrees with the first; all strings in upper case, empty where there is none."""
    a, b = values
    if not (all(kind in PERIODIC for kind in kinds) and a and b):
        return a == b
    if kinds[0] != kinds[1]:
        return False
    pattern = DURATION if kinds[0] == "DURATION" else FREQUENCY
    if not (pattern.match(a) and pattern.match(b)):
        return False
    is_exact = all(modifier.rstrip() == NONE for modifier in modifiers)
    try:
        if kinds[0] == "DURATION":
            return _same_period(a[1:], b[1:], is_exact=is_exact)
        if "P" not in a or "P" not in b:
            return a == b
        (repeats, period), (other_repeats, other_period) = a.split("P"), b.split("P")
        return repeats == other_repeats and _same_period(period, other_period, is_exact=is_exact)
    except (IndexError, KeyError, ValueError):  # no unit or no number
        return False


def _same_period(a: str, b: str, *, is_exact: bool) -> bool:
    """Compare what follows the P; raises IndexError, KeyError or ValueError for what is no number of a unit."""
    unit = a[-1]
    if unit == b[-1]:
        return _same_amount(a, b, is_exact=is_exact)
    if is_exact:
        return _hours(a) == _hours(b)
    prefix = "T" if a[0] == "T" else ""
    amount = float(a[len(prefix) : -1])
    low = 0.0 if amount < LEEWAY else amount - LEEWAY
    return _hours(f"{prefix}{low}{unit}") < _hours(b) <= _hours(f"{prefix}{amount + LEEWAY}{unit}")


def _same_amount(a: str, b: str, *, is_exact: bool) -> bool:
    """Compare two periods of one unit."""
    if a[-1] == "M" and a.startswith("T") != b.startswith("T"):
        return False
    amounts = [period.removeprefix("T")[:-1] for period in (a, b)]
    if is_exact:
        return amounts[0] == amounts[1]
    return abs(float(amounts[0]) - float(amounts[1])) < 1 + LEEWAY


def _hours(period: str) -> float:
    amount, unit = period[:-1], period[-1]
    has_mark = amount[0] == "T"
    number = float(amount[1:] if has_mark else amount)
    if unit == "M":
        return number / MINUTES_OF_AN_HOUR if has_mark else number * HOURS_OF_A_MONTH
    if unit == "S":
        return number / SECONDS_OF_AN_HOUR
    return number * HOURS[unit]
