"""One column of a table: its code, and which of its cells hold no ordinary value."""

from dataclasses import dataclass, replace

import numpy as np

from sklearn_homeo.tables._booleans import BooleanCode
from sklearn_homeo.tables._categories import fit_categories
from sklearn_homeo.tables._cells import Cells, convert
from sklearn_homeo.tables._constants import NothingCode
from sklearn_homeo.tables._decimals import DecimalCode
from sklearn_homeo.tables._integers import IntegerCode
from sklearn_homeo.tables._numbers import fit_floats
from sklearn_homeo.tables._times import TicksCode

__all__ = ["ColumnCode", "fit_column"]


def fit_column(cells, *, exact, max_categories):
    """Choose the code of a column.

    Parameters
    ----------
    cells : Cells
    exact : bool
        Whether numbers must come back exactly, at the price of more columns.
    max_categories : int
        Columns that one of categories may take.

    Returns
    -------
    column : ColumnCode
    heavy : bool
        Whether the largest values are on the scale of their logarithm.
    """
    heavy = False
    match cells.kind:
        case "float":
            code, heavy = fit_floats(cells, exact)
        case "integer":
            code, heavy = IntegerCode.fit(cells, exact)
        case "ticks":
            code, heavy = TicksCode.fit(cells, exact)
        case "decimal":
            code, heavy = DecimalCode.fit(cells, exact)
        case "category":
            code = fit_categories(cells, max_categories)
        case "boolean":
            code = BooleanCode()
        case _:
            code = NothingCode()
    column = ColumnCode(code, cells.markers)
    return replace(column, fill=column._find_fill(cells)), heavy


@dataclass(frozen=True)
class ColumnCode:
    """A code, and a column of 0 and 1 for each way in which cells can have no value.

    Parameters
    ----------
    code : object
        With `kind`, `unit`, `suffixes`, `refusal`, `encode` and `decode`.
    markers : tuple of str
        The ways seen in `fit`.
    fill : ndarray of shape (n_columns,), dtype float64
        What stands in the code's columns for cells without a value.
    """

    code: object
    markers: tuple
    fill: np.ndarray | None = None

    @property
    def suffixes(self):
        """Ends of the names of all columns."""
        return (*self.code.suffixes, *(f"_{marker}" for marker in self.markers))

    @property
    def levels(self):
        """The categories of a column of these, as `Cells` has them; else none."""
        return getattr(self.code, "levels", ())

    def prepare(self, cells):
        """Return cells in the code's terms, and which of them have no place there.

        Parameters
        ----------
        cells : Cells
            Cells of a whole column.

        Returns
        -------
        cells : Cells
        wrong : ndarray of shape (n_rows,), dtype bool
        """
        cells, wrong = convert(cells, self.code.kind, self.code.unit)
        if cells.kind == "category":
            cells, unknown = self.code.translate(cells)
            wrong = wrong | unknown
        return cells, wrong

    def encode(self, cells, wrong):
        """Encode cells.

        Parameters
        ----------
        cells : Cells
        wrong : ndarray of shape (n_rows,), dtype bool
            Both as of `prepare`, of all rows or of some.

        Returns
        -------
        columns : ndarray of shape (n_rows, n_columns), dtype float64
        refused : list of (str, ndarray of shape (n_rows,), dtype bool)
            Why and where cells will not come back as they are.
        """
        columns, inexact = self.code.encode(cells)
        wrong = (inexact & cells.present) | wrong
        refused = [(self.code.refusal, wrong)] if wrong.any() else []
        absent = ~cells.present
        if not absent.any() and not self.markers:
            return columns, refused
        for column, fill in zip(columns.T, self.fill, strict=True):
            column[absent] = fill
        indicators = [cells.missing(marker) for marker in self.markers]
        for marker in cells.markers:
            if marker in self.markers:
                continue
            where = cells.missing(marker)
            if not where.any():
                continue
            refused.append((f"{marker}, as no cell was in fit", where))
        return np.vstack([columns.T, *indicators]).T, refused

    def decode(self, columns):
        """Return the cells of columns."""
        n_own = columns.shape[1] - len(self.markers)
        cells = self.code.decode(columns[:, :n_own])
        if not self.markers:
            return cells
        indicators = columns[:, n_own:]
        states = indicators.argmax(axis=1) + 1
        states[indicators.max(axis=1) <= 0.5] = 0
        markers = self.markers
        lost = cells.missing("missing") & (states == 0)
        if lost.any():
            markers = tuple(dict.fromkeys([*markers, "missing"]))
            states[lost] = markers.index("missing") + 1
        return replace(cells, states=states.astype(np.uint8), markers=markers)

    def _find_fill(self, cells):
        """Return the medians of the present cells; 0 where columns are not in order."""
        fill = np.zeros(len(self.code.suffixes))
        present = np.flatnonzero(cells.present)
        if self.code.kind == "category" or not len(present) or not cells.markers:
            return fill
        part = Cells(
            cells.kind,
            cells.values[present],
            cells.states[present],
            unit=cells.unit,
        )
        columns, _ = self.code.encode(self.prepare(part)[0])
        fill[0] = np.partition(columns[:, 0], len(columns) // 2)[len(columns) // 2]
        return fill
