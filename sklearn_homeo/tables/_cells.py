"""What every kind of data frame is read into: one column as a plain array."""

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["Cells", "UnsupportedColumn", "convert", "float_cells", "one_state"]

MISSING = "missing"


class UnsupportedColumn(TypeError):
    """A column of a kind that cannot become numbers; the message says which kind."""


@dataclass(frozen=True)
class Cells:
    """The cells of one column.

    Parameters
    ----------
    kind : str
        What `values` holds: "float" (float64, float32), "integer" (int64, uint64),
        "boolean" (bool), "ticks" (int64, times in units of `unit`), "decimal" (int64,
        in units of ``10 ** -unit``), "category" (int64, places in `levels`) or
        "nothing" (all cells are missing).
    values : ndarray of shape (n_rows,)
        Anything where `states` is not 0.
    states : ndarray of shape (n_rows,), dtype uint8
        0 for an ordinary value; j > 0 for the j-th of `markers`.
    markers : tuple of str, default=()
        Names of the states: "missing", "nan", "inf", "-inf" and, in columns of Python
        objects, one for every way to write a missing value.
    levels : tuple, default=()
        The values of a column of categories.
    declared : bool, default=False
        Whether the column's type lists the levels.
    ordered : bool, default=False
        Whether the order of `levels` means something.
    unit : int or str, default=1
        Ticks: nanoseconds of one, or a name where ticks have no fixed length.
        Decimals: places behind the point.
    flavour : str, default=""
        Python type of ticks in a column of objects.
    """

    kind: str
    values: np.ndarray
    states: np.ndarray
    markers: tuple = ()
    levels: tuple = ()
    declared: bool = False
    ordered: bool = False
    unit: int | str = 1
    flavour: str = ""

    def __len__(self):
        return len(self.states)

    @property
    def present(self):
        """Whether each cell holds an ordinary value; bool array."""
        return self.states == 0

    def take(self, rows):
        """Return the cells of some rows, given as a slice."""
        return replace(self, values=self.values[rows], states=self.states[rows])

    def missing(self, *markers):
        """Whether each cell is in one of some states; bool array."""
        chosen = np.array([False, *(marker in markers for marker in self.markers)])
        return chosen[self.states]


def one_state(missing):
    """Return the keywords `states` and `markers` of cells that may be missing.

    Parameters
    ----------
    missing : ndarray of shape (n_rows,), dtype bool
    """
    return {
        "states": missing.astype(np.uint8),
        "markers": (MISSING,) if missing.any() else (),
    }


def float_cells(values, missing=None):
    """Return cells of floats; NaN and infinities become states.

    Parameters
    ----------
    values : ndarray of shape (n_rows,), of floats
    missing : ndarray of shape (n_rows,), dtype bool, default=None
        Where cells are missing in another way than by NaN.
    """
    if values.dtype.itemsize > 8:
        raise UnsupportedColumn("floats of more than 64 bits")
    values = values.astype(np.float64 if values.dtype.itemsize == 8 else np.float32)
    states = np.zeros(len(values), dtype=np.uint8)
    finite = np.isfinite(values)
    if missing is None and finite.all():
        return Cells("float", values, states)
    tests = [] if missing is None else [(MISSING, missing)]
    nan = MISSING if missing is None else "nan"
    tests += [(nan, np.isnan(values)), ("inf", values > 0), ("-inf", values < 0)]
    if missing is not None:
        finite &= ~missing
    markers = []
    for marker, holds in tests:
        holds = holds & ~finite & (states == 0)
        if holds.any():
            markers.append(marker)
            states[holds] = len(markers)
    values[~finite] = 0
    return Cells("float", values, states, tuple(markers))


def convert(cells, kind, unit=1):
    """Read cells as another kind; returns them and where that is impossible.

    A column of integers, for instance, is one of floats in a table in which one of its
    cells is missing.

    Parameters
    ----------
    cells : Cells
    kind : str
    unit : int or str, default=1
        Unit of ticks and decimals.

    Returns
    -------
    cells : Cells
        Cells of that kind.
    wrong : ndarray of shape (n_rows,), dtype bool
        Cells whose values are not of that kind; 0 stands for them.
    """
    if cells.kind == kind and (cells.unit == unit or kind not in ("ticks", "decimal")):
        return cells, np.zeros(len(cells), dtype=bool)
    if cells.kind == "nothing":
        return replace(cells, kind=kind, unit=unit), np.zeros(len(cells), dtype=bool)
    values, wrong = _converted(cells, kind, unit)
    wrong = wrong & cells.present
    values = np.where(wrong, values.dtype.type(0), values)
    converted = Cells(kind, values, cells.states, cells.markers, unit=unit)
    return converted, wrong


def _converted(cells, kind, unit):
    values = cells.values
    if {kind, cells.kind} <= {"boolean", "integer", "float"}:
        return _number(values, kind)
    if kind == cells.kind == "ticks":
        return _rescaled(values, cells.unit, unit)
    if kind == cells.kind == "decimal":
        places = min(abs(unit - cells.unit), 18)
        old, new = (10**places, 1) if unit > cells.unit else (1, 10**places)
        return _rescaled(values, old, new)
    return np.zeros(len(values), dtype=np.int64), np.ones(len(values), dtype=bool)


def _number(values, kind):
    if kind == "float":
        floats = values.astype(np.float64)
        return floats, np.abs(floats) > 2.0**53
    if kind == "boolean":
        return values != 0, (values != 0) & (values != 1)
    inside = np.abs(values.astype(np.float64)) < 2.0**62
    whole = np.where(inside, values, 0).astype(np.int64)
    return whole, ~inside | (whole != values)


def _rescaled(values, old, new):
    """Return values in units of `new` instead of `old`, and where that errs."""
    if isinstance(old, str) or isinstance(new, str):
        return values, np.full(len(values), old != new)
    if old % new == 0:
        factor = old // new
        return values * factor, np.abs(values) > (2**63 - 1) // factor
    factor = new // old
    return values // factor, values % factor != 0
