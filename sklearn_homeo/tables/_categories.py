"""Columns of categories: text, and whatever else has few values."""

from dataclasses import dataclass, replace

import numpy as np

from sklearn_homeo.tables._cells import MISSING, Cells
from sklearn_homeo.tables._objects import level_key

__all__ = ["CategoryCode", "OrdinalCode", "fit_categories"]


def fit_categories(cells, max_categories):
    """Choose a code for a column of categories.

    Parameters
    ----------
    cells : Cells
        Cells of the kind "category".
    max_categories : int
        Columns that they may take.

    Returns
    -------
    code : CategoryCode or OrdinalCode
    """
    if cells.ordered:
        return OrdinalCode(cells.levels)
    counts = np.bincount(cells.values[cells.present], minlength=len(cells.levels))
    order = np.argsort(-counts, kind="stable")
    n_shown = int((counts > 0).sum())
    if n_shown > max_categories:
        n_shown = max_categories - 1
    shown = order[:n_shown]
    # As declared, or in the order of their text, so that a shuffled table gives the
    # same columns.
    if cells.declared:
        shown = np.sort(shown)
    else:
        shown = sorted(shown, key=lambda i: (str(cells.levels[i]), i))
    rare = order[n_shown:]
    if not cells.declared:
        rare = sorted(rare, key=lambda i: (str(cells.levels[i]), i))
    levels = tuple(cells.levels[i] for i in [*shown, *rare])
    return CategoryCode(levels, n_shown)


@dataclass(frozen=True)
class _Levels:
    """Categories, and how to find them in columns that number them otherwise."""

    levels: tuple

    kind = "category"
    unit = 1

    def translate(self, cells):
        """Return cells whose values are places in `levels`, and the unknown ones.

        -1 stands for these, and for cells that have no value.
        """
        codes = _translate(cells, self.levels)
        found = replace(cells, values=codes, levels=self.levels)
        return found, (codes < 0) & cells.present


@dataclass(frozen=True)
class CategoryCode(_Levels):
    """A column of 0 and 1 for each common category; one more and a number for others.

    Parameters
    ----------
    levels : tuple
        The categories, common ones first.
    n_shown : int
        How many have a column of their own.
    """

    n_shown: int

    refusal = "a value that was not there in fit"

    @property
    def _has_rare(self):
        return self.n_shown < len(self.levels)

    @property
    def suffixes(self):
        """Ends of the columns' names."""
        shown = tuple(f"_{level}" for level in self.levels[: self.n_shown])
        return shown + (("_infrequent", "_infrequent_code") if self._has_rare else ())

    def encode(self, cells):
        """Return float64 of shape (n_rows, n_columns), and which cells are refused."""
        codes, n_rows = cells.values, len(cells)
        columns = np.empty((n_rows, self.n_shown + 2 * self._has_rare), order="F")
        # Cells without a category are in no column.
        for place in range(self.n_shown):
            columns[:, place] = codes == place
        if self._has_rare:
            # Models take an unknown category for a rare one; its number is none's.
            columns[:, -2] = (codes >= self.n_shown) | (codes < 0)
            columns[:, -1] = np.maximum(codes - self.n_shown + 1, 0)
        return columns, np.zeros(n_rows, dtype=bool)

    def decode(self, columns):
        """Return the cells of such columns; without a category they are missing."""
        n_rows = len(columns)
        if not columns.shape[1]:
            return _level_cells(np.full(n_rows, -1), self.levels)
        one_hot = columns[:, : self.n_shown + self._has_rare]
        codes = one_hot.argmax(axis=1)
        known = one_hot[np.arange(n_rows), codes] > 0.5
        if self._has_rare:
            most = len(self.levels) - self.n_shown
            rare = np.clip(np.rint(columns[:, -1]), 0, most).astype(np.int64)
            known &= (codes < self.n_shown) | (rare > 0)
            codes = np.where(codes == self.n_shown, rare + self.n_shown - 1, codes)
        return _level_cells(np.where(known, codes, -1), self.levels)


@dataclass(frozen=True)
class OrdinalCode(_Levels):
    """The place of each category in their order, in one column."""

    refusal = "a category that the type did not have in fit"
    suffixes = ("",)

    def encode(self, cells):
        """Return float64 of shape (n_rows, 1), and which cells are refused."""
        none = np.zeros(len(cells), dtype=bool)
        return cells.values.astype(np.float64)[:, np.newaxis], none

    def decode(self, columns):
        """Return the cells of such columns."""
        codes = np.rint(columns[:, 0])
        inside = (codes >= 0) & (codes < len(self.levels))
        return _level_cells(np.where(inside, codes, -1).astype(np.int64), self.levels)


def _translate(cells, levels):
    """Return the places of cells in a code's levels; -1 where there is none."""
    if cells.levels is levels:
        return np.where(cells.present, cells.values, -1)
    places = {level_key(level): i for i, level in enumerate(levels)}
    table = [places.get(level_key(level), -1) for level in cells.levels]
    table = np.array([*table, -1], dtype=np.int64)
    return table[np.where(cells.present, cells.values, -1)]


def _level_cells(codes, levels):
    unknown = codes < 0
    return Cells(
        "category",
        np.where(unknown, 0, codes).astype(np.int64),
        unknown.astype(np.uint8),
        (MISSING,) if unknown.any() else (),
        levels=levels,
    )
