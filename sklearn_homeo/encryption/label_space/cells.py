"""The view by cells: a row leaks which cell of label space it lies in, and no more."""

from dataclasses import dataclass, replace

import numpy as np

from sklearn_homeo._utils.arrays import namespace, to_numpy
from sklearn_homeo.encryption.label_space.carriers import (
    MAX_CENTRE,
    carry,
    carry_line,
    on_grid,
)
from sklearn_homeo.encryption.label_space.cross_fitting import CrossFittedScores
from sklearn_homeo.encryption.label_space.feature_scores import FeatureScores
from sklearn_homeo.encryption.label_space.kernel_scores import KernelScores
from sklearn_homeo.encryption.label_space.linear_scores import LinearScores
from sklearn_homeo.encryption.label_space.network_scores import NetworkScores
from sklearn_homeo.encryption.label_space.regions import (
    POWERS,
    Regions,
    cell_labels,
    centred_logarithms,
    predicted_labels,
)
from sklearn_homeo.encryption.label_space.tree_scores import TreeScores

__all__ = ["Cells", "CellsView", "cut_cells", "merge_small"]

_SCORERS = {
    "linear": LinearScores,
    "kernel": KernelScores,
    "cross-fitted": CrossFittedScores,
    "features": FeatureScores,
    "trees": TreeScores,
    "network": NetworkScores,
}
# Rows whose scores are in memory at a time.
_CHUNK_ROWS = 8192


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of label space and their centres. Unkeyed.

    Parameters
    ----------
    scorer : LinearScores, KernelScores, CrossFittedScores, FeatureScores, \
            TreeScores or NetworkScores
    regions : Regions
    centres : ndarray of shape (n_cells, k), dtype int64
        In label space, of magnitude 2**20 at most.
    """

    scorer: object
    regions: Regions
    centres: np.ndarray

    @property
    def n_cells(self):
        """How many cells there are."""
        return len(self.centres)

    def index(self, u):
        """Return the cell of each lattice row.

        Parameters
        ----------
        u : ndarray of shape (n_samples, n_features), dtype int64

        Returns
        -------
        index : ndarray of shape (n_samples,), dtype int64
            From 0 to ``n_cells - 1``, the same on every machine.
        """
        starts = range(0, max(len(u), 1), _CHUNK_ROWS)
        parts = [
            self.regions.index(self.scorer.scores(u[start : start + _CHUNK_ROWS]))
            for start in starts
        ]
        return np.concatenate(parts)

    def state(self):
        """Return what defines them, by name."""
        family = next(
            name for name, cls in _SCORERS.items() if type(self.scorer) is cls
        )
        return {
            "family": family,
            "scorer": self.scorer.state(),
            "regions": self.regions.state(),
            "centres": self.centres,
        }

    @classmethod
    def from_state(cls, state):
        """Rebuild them from `state`."""
        scorer = _SCORERS[state["family"]].from_state(state["scorer"])
        regions = Regions.from_state(state["regions"])
        return cls(scorer, regions, np.asarray(state["centres"], dtype=np.int64))


def cut_cells(scorer, held_out, outputs, sizes, n_cells, min_rows, power=POWERS[0]):
    """Cut the space of a scorer's scores.

    Parameters
    ----------
    scorer : LinearScores, KernelScores, CrossFittedScores, TreeScores or NetworkScores
    held_out : ndarray of shape (n_samples, n_scores), dtype float64
        Scores of rows by scorers of this kind that were not fitted to them.
    outputs : ndarray of shape (n_samples, n_outputs)
        Their class codes, or standardised numbers.
    sizes : tuple of int or None
        Number of classes of each output; None for numbers.
    n_cells : int
        How many at most.
    min_rows : int
        Least number of rows in a cell.
    power : float, default=0.5
        Power of the class probabilities that are compared.

    Returns
    -------
    cells : Cells
    """
    regions = Regions.from_scores(held_out, sizes, n_cells, min_rows, power)
    return _with_centres(Cells(scorer, regions, np.zeros((0, 1))), held_out, outputs)


def _with_centres(cells, held_out, outputs):
    """The same cells with centres where their rows' labels lie on average."""
    regions = cells.regions
    index = regions.index(held_out)
    predicted = predicted_labels(regions, index, regions.predictions(held_out))
    labels = cell_labels(predicted, index, outputs, regions.sizes)
    if regions.sizes is not None:
        labels = centred_logarithms(labels, regions.sizes)
    return replace(cells, centres=on_grid(labels))


def merge_small(cells, counts, held_out, outputs, min_rows):
    """Merge cells with fewer than ``min_rows`` rows; ``counts`` are those of each."""
    regions = cells.regions.with_at_least(min_rows, counts)
    return _with_centres(replace(cells, regions=regions), held_out, outputs)


class CellsView:
    """What a ciphertext leaks of a row: the centre of its cell, through the key.

    Parameters
    ----------
    cells : Cells
    width : int
        Columns of a ciphertext.
    stream : KeyStream
        Key stream of the view.

    Attributes
    ----------
    n_cells : int
    """

    def __init__(self, cells, width, stream):
        self._cells = cells
        is_line = cells.regions.sizes is None and cells.centres.shape[1] == 1
        self._codes = (carry_line if is_line else carry)(cells.centres, width, stream)
        self.n_cells = cells.n_cells

    @classmethod
    def from_state(cls, state, n_features, keys):
        """Derive the keyed part of the view.

        Parameters
        ----------
        state : dict
            What `state` gave.
        n_features : int
        keys : ViewKeys
        """
        return cls(Cells.from_state(state), state["width"], keys.stream())

    def codes(self, u):
        """Return what is leaked of rows; see `View`."""
        return self._looked_up(self._codes, u)

    def coordinates(self, u):
        """Return the centres of the rows' cells; see `View`."""
        return self._looked_up(self._cells.centres / MAX_CENTRE, u)

    def state(self):
        """Return what, with the key, rebuilds the view; see `View`."""
        width = self._codes.shape[1]
        return {"kind": "cells", "width": width, **self._cells.state()}

    def _looked_up(self, table, u):
        if namespace(u) is np:
            return table[self._cells.index(u)]
        # Cells are found by NumPy, which takes the first of equally near ones.
        import torch

        found = table[self._cells.index(to_numpy(u))]
        return torch.from_numpy(found).to(u.device)

    def __repr__(self):
        return f"CellsView({self.n_cells} cells)"
