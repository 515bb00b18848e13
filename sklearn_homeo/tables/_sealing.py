"""Columns that no model should see: identifiers and free text."""

import re

import numpy as np

__all__ = ["why_sealed"]

_MIN_ROWS = 20
_NEAR_UNIQUE = 0.5
_LONG_TEXT = 100
_IDENTIFIER = re.compile(
    r"(^|[^a-z])(id|ids|uid|uuid|guid|identifier|rowid|index|unnamed: ?\d+)($|[^a-z])"
)


def why_sealed(label, cells, max_categories):
    """Return why a column is an identifier or free text, or None.

    Parameters
    ----------
    label : object
        Its name.
    cells : Cells
    max_categories : int
        More different texts than that are suspicious.
    """
    present = cells.values[cells.present]
    if len(present) < _MIN_ROWS:
        return None
    if cells.kind == "integer":
        # CamelCase, as in CustomerId, is two words.
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(label)).lower()
        if _IDENTIFIER.search(name) and len(np.unique(present)) == len(present):
            return "numbers all rows"
    if cells.kind != "category" or cells.declared:
        return None
    n_levels = np.count_nonzero(np.bincount(present))
    if n_levels == len(present):
        return "all values differ"
    if n_levels <= max_categories:
        return None
    if n_levels > _NEAR_UNIQUE * len(present):
        return f"{n_levels} different values in {len(present)} rows"
    if np.mean([len(str(level)) for level in cells.levels]) > _LONG_TEXT:
        return "long text"
    return None
