"""Columns of truth values."""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.tables._cells import Cells

__all__ = ["BooleanCode"]


@dataclass(frozen=True)
class BooleanCode:
    """False as 0 and True as 1."""

    kind = "boolean"
    unit = 1
    refusal = "neither true nor false"
    suffixes = ("",)

    def encode(self, cells):
        """Return float64 of shape (n_rows, 1), and that no cell is refused."""
        values = cells.values.astype(np.float64)
        return values[:, np.newaxis], np.zeros(len(values), dtype=bool)

    def decode(self, columns):
        """Return the cells of such columns, all of them present."""
        states = np.zeros(len(columns), dtype=np.uint8)
        return Cells("boolean", columns[:, 0] > 0.5, states)
