"""Columns of Python objects: what they hold, and the same objects again."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import numpy as np

from sklearn_homeo.tables._cells import MISSING, Cells, UnsupportedColumn

__all__ = ["level_key", "limited_decimals", "read_objects", "write_objects"]

_DAY = 86_400 * 10**9
_MICROSECOND = 1000
_EPOCH = dt.datetime(1970, 1, 1)
_TOLD_BY_TEXT = (float, complex, Decimal, dt.datetime, dt.time)
_MAX_PLACES = 18


def read_objects(values):
    """Return the cells of a column of Python objects.

    Objects of one type that numbers can stand for are read as numbers, others, and
    mixtures, as categories.

    Parameters
    ----------
    values : ndarray of shape (n_rows,), dtype object

    Returns
    -------
    cells : Cells

    Raises
    ------
    UnsupportedColumn
        If objects cannot be told apart by their values: lists, for example.
    """
    values = np.array([_native(value) for value in values] or [], dtype=object)
    states, markers = _states(values)
    present = values[states == 0]
    kinds = set(map(type, present))
    read = _READERS.get(kinds.pop()) if len(kinds) == 1 else _read_levels
    if not len(present):
        empty = np.zeros(len(values), dtype=np.int64)
        return Cells("nothing", empty, states, markers)
    cells = (read or _read_levels)(present)
    filled = np.zeros(len(values), dtype=cells.values.dtype)
    filled[states == 0] = cells.values
    return Cells(
        cells.kind,
        filled,
        states,
        markers,
        cells.levels,
        unit=cells.unit,
        flavour=cells.flavour,
    )


def write_objects(cells):
    """Return the Python objects of cells, as an array of dtype object."""
    objects = np.empty(len(cells), dtype=object)
    objects[:] = _WRITERS[cells.kind](cells)
    for marker in cells.markers:
        value = _marker_object(marker)
        for row in np.flatnonzero(cells.missing(marker)):
            objects[row] = value
    return objects


def limited_decimals(cells, precision):
    """Return decimals of `precision` digits; made-up rows may decode to any number."""
    most = 10 ** min(precision or _MAX_PLACES, _MAX_PLACES) - 1
    return replace(cells, values=np.clip(cells.values, -most, most))


def level_key(level):
    """Return what tells a level from others: 1, 1.0 and True differ."""
    if isinstance(level, tuple | frozenset):
        return type(level), type(level)(map(level_key, level))
    # Equal ones may differ in a sign, in zeros at the end, in their time zone.
    told_by_text = isinstance(level, _TOLD_BY_TEXT)
    return type(level), repr(level) if told_by_text else level


def _native(value):
    return value.item() if isinstance(value, np.generic) else value


def _states(values):
    found = [_marker(value) for value in values]
    markers = tuple(dict.fromkeys(marker for marker in found if marker))
    places = {marker: i + 1 for i, marker in enumerate(markers)} | {None: 0}
    return np.array([places[marker] for marker in found], dtype=np.uint8), markers


def _marker(value):
    if value is None:
        return MISSING
    if isinstance(value, float):
        return "nan" if value != value else None
    name = type(value).__name__
    if name == "NAType":
        return "NA"
    return "NaT" if name == "NaTType" else None


def _marker_object(marker):
    if marker in ("NA", "NaT"):
        import pandas as pd

        return getattr(pd, marker)
    return float(marker) if marker in ("nan", "inf", "-inf") else None


def _cells(kind, values, **more):
    return Cells(kind, values, np.zeros(len(values), dtype=np.uint8), **more)


def _read_integers(values):
    low, high = min(values), max(values)
    if -(2**63) <= low and high < 2**63:
        return _cells("integer", values.astype(np.int64))
    if 0 <= low and high < 2**64:
        return _cells("integer", values.astype(np.uint64))
    return _read_levels(values)


def _read_floats(values):
    floats = values.astype(np.float64)
    if np.isinf(floats).any():
        return _read_levels(values)
    return _cells("float", floats)


def _read_decimals(values):
    if not all(value.is_finite() for value in values):
        return _read_levels(values)
    places = max(0, *(-value.as_tuple().exponent for value in values))
    units = [int(value.scaleb(places)) for value in values]
    if places > _MAX_PLACES or max(map(abs, units)) >= 2**62:
        return _read_levels(values)
    return _cells("decimal", np.array(units, dtype=np.int64), unit=places)


def _read_times(values):
    if any(
        getattr(v, "tzinfo", None) is not None or getattr(v, "fold", 0) for v in values
    ):
        return _read_levels(values)
    kind = type(values[0])
    count, unit = _TIMES[kind]
    ticks = [count(value) for value in values]
    if max(map(abs, ticks)) >= 2**62:
        return _read_levels(values)
    ticks = np.array(ticks, dtype=np.int64)
    return _cells("ticks", ticks, unit=unit, flavour=kind.__name__)


def _microseconds(delta):
    return (delta.days * 86_400 + delta.seconds) * 10**6 + delta.microseconds


def _since_midnight(time):
    seconds = (time.hour * 60 + time.minute) * 60 + time.second
    return seconds * 10**6 + time.microsecond


_TIMES = {
    dt.date: (lambda day: day.toordinal() - _EPOCH.toordinal(), _DAY),
    dt.datetime: (lambda moment: _microseconds(moment - _EPOCH), _MICROSECOND),
    dt.time: (_since_midnight, _MICROSECOND),
    dt.timedelta: (_microseconds, _MICROSECOND),
}


def _read_levels(values):
    places = {}
    try:
        codes = [places.setdefault(level_key(v), len(places)) for v in values]
    except TypeError:
        kind = type(values[0]).__name__
        raise UnsupportedColumn(f"objects without a fixed value, as {kind}") from None
    firsts = dict(zip(codes, values, strict=True))
    levels = tuple(firsts[i] for i in range(len(places)))
    return _cells("category", np.array(codes, dtype=np.int64), levels=levels)


_READERS = {
    bool: lambda values: _cells("boolean", values.astype(bool)),
    int: _read_integers,
    float: _read_floats,
    Decimal: _read_decimals,
    **dict.fromkeys(_TIMES, _read_times),
}


def _write_decimals(cells):
    return [Decimal(value).scaleb(-cells.unit) for value in cells.values.tolist()]


def _write_levels(cells):
    codes = np.clip(cells.values, 0, max(len(cells.levels) - 1, 0))
    return [cells.levels[code] if cells.levels else None for code in codes]


def _write_times(cells):
    make = _TIME_MAKERS[cells.flavour]
    return [make(tick) for tick in cells.values.tolist()]


def _limited(ticks, low, high):
    # Made-up rows may decode to any number.
    return min(max(ticks, low), high)


def _date(days):
    first = _EPOCH.toordinal()
    return dt.date.fromordinal(_limited(days + first, 1, dt.date.max.toordinal()))


def _datetime(microseconds):
    low = _microseconds(dt.datetime.min - _EPOCH)
    high = _microseconds(dt.datetime.max - _EPOCH)
    return _EPOCH + dt.timedelta(microseconds=_limited(microseconds, low, high))


def _time(microseconds):
    day = _DAY // _MICROSECOND
    since_midnight = dt.timedelta(microseconds=_limited(microseconds, 0, day - 1))
    return (_EPOCH + since_midnight).time()


def _timedelta(microseconds):
    most = 10**9 * (_DAY // _MICROSECOND) - 1
    return dt.timedelta(microseconds=_limited(microseconds, -most, most))


_TIME_MAKERS = {
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "timedelta": _timedelta,
}
_WRITERS = {
    "nothing": lambda cells: [None] * len(cells),
    "boolean": lambda cells: cells.values.tolist(),
    "integer": lambda cells: cells.values.tolist(),
    "float": lambda cells: cells.values.tolist(),
    "decimal": _write_decimals,
    "ticks": _write_times,
    "category": _write_levels,
}
