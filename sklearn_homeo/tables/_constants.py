"""Columns in which every cell is missing."""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.tables._cells import Cells

__all__ = ["NothingCode"]


@dataclass(frozen=True)
class NothingCode:
    """No columns: that cells are missing is all there is to say."""

    kind = "nothing"
    unit = 1
    refusal = "a value, where all cells were missing in fit"
    suffixes = ()

    def encode(self, cells):
        """Return float64 of shape (n_rows, 0), and which cells are refused."""
        return np.empty((len(cells), 0)), np.zeros(len(cells), dtype=bool)

    def decode(self, columns):
        """Return cells, all of them missing."""
        states = np.ones(len(columns), dtype=np.uint8)
        values = np.zeros(len(columns), dtype=np.int64)
        return Cells("nothing", values, states, ("missing",))
