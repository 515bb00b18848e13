"""Columns of text read as numbers, times and categories, and written as they were."""

import re
from collections import Counter

import numpy as np
import pandas as pd

from sklearn_homeo.tables._reading import ABSENT

__all__ = ["find_form", "parse", "render"]

_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_CODE = re.compile(r"[+-]?0\d+|\d{19,}")
_TIMES = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%b %d %Y",
    "%H:%M",
    "%H:%M:%S",
)
_MISSING = {"", *ABSENT}


def find_form(cells, decimal):
    """Find how the cells of a column of text are written.

    Parameters
    ----------
    cells : list of str
    decimal : {".", ","}
        The decimal mark.

    Returns
    -------
    form : dict
        ``kind`` ("integer", "number", "time" or "text"), ``missing`` (the most frequent
        way to write that a cell is) and what else `render` needs.
    """
    given = [cell for cell in cells if cell not in _MISSING]
    absent = Counter(cell for cell in cells if cell in _MISSING)
    form = {
        "missing": absent.most_common(1)[0][0] if absent else "",
        "decimal": decimal,
    }
    if given and all(map(_WHOLE.fullmatch, given)):
        return form | {"kind": "integer"}
    pointed = [cell.replace(decimal, ".") for cell in given]
    if given and all(map(_NUMBER.fullmatch, pointed)):
        if not any(map(_CODE.fullmatch, pointed)):
            return form | {"kind": "number", "style": _number_style(pointed)}
    for style in _TIMES:
        if given and not _parsed_times(given, style).isna().any():
            return form | {"kind": "time", "style": style}
    return form | {"kind": "text", "missing": ""}


def parse(cells, form):
    """Read cells as a column of one type.

    Parameters
    ----------
    cells : list of str
    form : dict
        From `find_form`, perhaps of other cells.

    Returns
    -------
    column : pandas.Series
        int64 (Int64 with gaps), float64, datetime64[s] or text; what cannot be read
        as the kind is missing.
    """
    if form["kind"] == "text":
        return pd.Series([cell or None for cell in cells], dtype="str")
    if form["kind"] == "time":
        return _parsed_times(cells, form["style"]).astype("datetime64[s]")
    if form["kind"] == "integer":
        whole = [int(cell) if _WHOLE.fullmatch(cell) else None for cell in cells]
        gaps = any(value is None for value in whole)
        return pd.Series(whole, dtype="Int64" if gaps else "int64")
    return pd.Series([_float(cell.replace(form["decimal"], ".")) for cell in cells])


def render(column, form):
    """Write a column as cells of text.

    Parameters
    ----------
    column : pandas.Series
    form : dict
        From `find_form`.

    Returns
    -------
    cells : list of str
    """
    missing = column.isna().to_numpy()
    if form["kind"] == "text":
        cells = column.astype(object).tolist()
    elif form["kind"] == "time":
        cells = column.dt.strftime(form["style"]).tolist()
    elif form["kind"] == "integer":
        cells = [str(value) for value in column.fillna(0).astype("int64").tolist()]
    else:
        values = column.fillna(0.0).tolist()
        cells = [_written(value, form["style"]) for value in values]
        cells = [cell.replace(".", form["decimal"]) for cell in cells]
    return [
        form["missing"] if gap else cell
        for cell, gap in zip(cells, missing, strict=True)
    ]


def _number_style(cells):
    """Return the style in which most cells are written."""
    decimals = Counter(len(cell.partition(".")[2]) for cell in cells)
    styles = ["shortest", "general", f"{decimals.most_common(1)[0][0]}"]
    values = [float(cell) for cell in cells]

    def count(style):
        pairs = zip(cells, values, strict=True)
        return sum(cell == _written(value, style) for cell, value in pairs)

    return max(styles, key=count)


def _written(value, style):
    if style == "shortest":
        return repr(value)
    if style == "general":
        return repr(value).removesuffix(".0")
    return f"{value:.{style}f}"


def _float(cell):
    return float(cell) if _NUMBER.fullmatch(cell) else np.nan


def _parsed_times(cells, style):
    return pd.to_datetime(pd.Series(cells), format=style, errors="coerce")
