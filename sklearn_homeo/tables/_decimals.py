"""Columns of decimal numbers of fixed places behind the point."""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.tables._cells import Cells
from sklearn_homeo.tables._placing import (
    SplitColumns,
    WholeColumn,
    place_integers,
)

__all__ = ["DecimalCode"]

# Beyond, powers of ten would not leave the last place exact.
_MAX_DIVISOR_PLACES = 15


@dataclass(frozen=True)
class DecimalCode:
    """Decimal numbers by their units in the last place.

    Parameters
    ----------
    unit : int
        Places behind the point.
    placing : WholeColumn or SplitColumns
        Placing of the units.
    """

    unit: int
    placing: WholeColumn | SplitColumns

    kind = "decimal"
    refusal = "more places behind the point than in fit"

    @classmethod
    def fit(cls, cells, exact):
        """Return the code of a column, and whether its tails are on a log scale."""
        divisor = 10.0**cells.unit if cells.unit <= _MAX_DIVISOR_PLACES else 1.0
        values = cells.values[cells.present]
        placing, heavy = place_integers(values, exact, divisor)
        return cls(cells.unit, placing), heavy

    @property
    def suffixes(self):
        """Ends of the columns' names."""
        return self.placing.suffixes

    def encode(self, cells):
        """Return float64 of shape (n_rows, n_columns), and that no cell is refused."""
        wrong = np.zeros(len(cells), dtype=bool)
        return self.placing.encode(cells.values), wrong

    def decode(self, columns):
        """Return the cells of such columns, all of them present."""
        values = self.placing.decode(columns, np.int64)
        states = np.zeros(len(columns), dtype=np.uint8)
        return Cells("decimal", values, states, unit=self.unit)
