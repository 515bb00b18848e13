"""Columns of whole numbers."""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.tables._cells import Cells
from sklearn_homeo.tables._placing import SplitColumns, WholeColumn, place_integers

__all__ = ["IntegerCode"]


@dataclass(frozen=True)
class IntegerCode:
    """Whole numbers of 64 bits: exactly, and whole as far as one column holds them.

    Parameters
    ----------
    unsigned : bool
        Whether they are uint64 instead of int64.
    placing : WholeColumn or SplitColumns
    """

    unsigned: bool
    placing: WholeColumn | SplitColumns

    kind = "integer"
    unit = 1
    refusal = "no whole number, or one beyond the type's range"

    @classmethod
    def fit(cls, cells, exact):
        """Return the code of a column, and whether its tails are on a log scale."""
        values = cells.values[cells.present]
        placing, heavy = place_integers(values, exact)
        return cls(values.dtype == np.uint64, placing), heavy

    @property
    def suffixes(self):
        """Ends of the columns' names."""
        return self.placing.suffixes

    def encode(self, cells):
        """Return float64 of shape (n_rows, n_columns), and which cells are refused."""
        values, dtype = cells.values, self._dtype
        bounds = np.iinfo(dtype)
        wrong = np.zeros(len(values), dtype=bool)
        if values.dtype != dtype:
            own = np.iinfo(values.dtype)
            low, high = max(bounds.min, own.min), min(bounds.max, own.max)
            wrong = (values < low) | (values > high)
            values = np.where(wrong, values.dtype.type(0), values).astype(dtype)
        return self.placing.encode(values), wrong

    def decode(self, columns):
        """Return the cells of such columns, all of them present."""
        values = self.placing.decode(columns, self._dtype)
        return Cells("integer", values, np.zeros(len(columns), dtype=np.uint8))

    @property
    def _dtype(self):
        return np.uint64 if self.unsigned else np.int64
