"""From data and labels to a fitted state."""

import math
from dataclasses import dataclass, field

import numpy as np

from sklearn_homeo.ciphers.base import Workspace
from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.encryption._state import VERSION
from sklearn_homeo.encryption.label_space.dial import choose_cells
from sklearn_homeo.encryption.label_space.scores import fit_scores
from sklearn_homeo.encryption.label_space.subspace import find_label_space

__all__ = [
    "Fitted",
    "LatticeRows",
    "fit_cells_state",
    "fit_scores_state",
    "fit_space_state",
    "fitted_cells",
    "share_explained",
]

# Of columns that all are functions of one number: neural networks learn little from
# columns that are straight and alike, and follow the noise of few rows.
LINE_SOFTNESS = 0.2


@dataclass(frozen=True)
class Fitted:
    """A fitted state and what it preserves of the training rows.

    Parameters
    ----------
    state : dict
        What `build_cipher` takes, but for the key.
    n_preserved : int
    preserved_variance_ratio : float
    linkage_noise : float, default=0.0
    probe_scores : list of ProbeScore or of Trial, default=[]
    n_cells : int or None, default=None
        How many different views there are; None where none are counted.
    choice : CellChoice or None, default=None
        How the cells were chosen.
    """

    state: dict = field(repr=False)
    n_preserved: int
    preserved_variance_ratio: float
    linkage_noise: float = 0.0
    probe_scores: list = field(default_factory=list)
    n_cells: int | None = None
    choice: object = field(default=None, repr=False)

    @property
    def leakage_bits(self):
        """What a view tells of its row, at most."""
        return math.inf if self.n_cells is None else math.log2(self.n_cells)


def fit_space_state(X, depth):
    """Fit the homeomorphism of the whole space to rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
    depth : int

    Returns
    -------
    fitted : Fitted
    """
    return Fitted(_state(Lattice.from_data(X), None, depth), X.shape[1], 1.0)


def fit_scores_state(lattice, X, target, depth, linkage_noise, **options):
    """Fit the view of label coordinates to rows.

    Parameters
    ----------
    lattice : Lattice
    X : ndarray of shape (n_samples, n_features), dtype float64
    target : Target or None
        None preserves principal directions.
    depth : int
    linkage_noise : "auto" or float
    **options : dict
        ``n_preserved`` and others of `find_label_space`.

    Returns
    -------
    fitted : Fitted
    """
    units = (X - lattice.mean) / lattice.scale
    space = find_label_space(units, target, **options)
    noise = space.noise if linkage_noise == "auto" else float(linkage_noise)
    on_a_line = {}
    if space.n_preserved == 1 and target is not None:
        if target.is_numeric:
            on_a_line["softness"] = LINE_SOFTNESS
        elif not space.by_column.any():
            on_a_line["outputs"] = target.outputs
    view = fit_scores(
        units,
        space.directions,
        space.by_column,
        noise,
        lattice.width,
        **on_a_line,
    )
    return Fitted(
        _state(lattice, view, depth),
        space.n_preserved,
        space.leak,
        noise,
        space.probe_scores,
    )


@dataclass(frozen=True)
class LatticeRows:
    """Rows that are rounded to the lattice when they are taken.

    All of them at once would take as much memory as the data.

    Parameters
    ----------
    lattice : Lattice
    X : ndarray of shape (n_samples, n_features), dtype float64
    """

    lattice: Lattice
    X: np.ndarray

    def __len__(self):
        return len(self.X)

    def __getitem__(self, rows):
        return self.lattice.round(self.X[rows], Workspace())


def fit_cells_state(lattice, X, target, depth, n_cells, min_cell_size):
    """Fit the view by cells to rows.

    Parameters
    ----------
    lattice : Lattice
    X : ndarray of shape (n_samples, n_features), dtype float64
    target : Target
    depth : int
    n_cells : "auto" or int
    min_cell_size : int

    Returns
    -------
    fitted : Fitted
    """
    u = LatticeRows(lattice, X)
    choice = choose_cells(u, target, n_cells, min_cell_size)
    index = choice.cells.index(u)
    # Column by column: a copy of large data would not fit beside them.
    columns = (
        (X[:, j] - lattice.mean[j]) / lattice.scale[j] for j in range(X.shape[1])
    )
    explained = share_explained(columns, index)
    smallest = int(np.bincount(index).min())
    return fitted_cells(lattice, choice, smallest, depth, explained)


def fitted_cells(lattice, choice, smallest, depth, explained):
    """Put the state of chosen cells together.

    Parameters
    ----------
    lattice : Lattice
    choice : CellChoice
    smallest : int
        Rows of the smallest cell.
    depth : int
    explained : float
        Share of the rows' variance that the cells' means explain.

    Returns
    -------
    fitted : Fitted
    """
    view = {
        "kind": "cells",
        "width": lattice.width,
        "smallest_cell": smallest,
        **choice.cells.state(),
    }
    return Fitted(
        _state(lattice, view, depth),
        choice.cells.centres.shape[1],
        explained,
        probe_scores=[choice.trial, *choice.others],
        n_cells=choice.cells.n_cells,
        choice=choice,
    )


def share_explained(columns, index):
    """Share of the variance of standardised rows that the cells' means explain.

    Parameters
    ----------
    columns : iterable of ndarray of shape (n_samples,), dtype float64
        The columns of the rows.
    index : ndarray of shape (n_samples,), dtype int64
        The cell of each row, from 0.
    """
    counts = np.bincount(index)
    total = between = 0.0
    for values in columns:
        total += (values**2).sum()
        sums = np.bincount(index, values)[counts > 0]
        between += (sums**2 / counts[counts > 0]).sum()
    return float(between / total) if total > 0 else 0.0


def _state(lattice, view, depth):
    return {
        "version": VERSION,
        "depth": int(depth),
        "lattice": lattice.state(),
        "view": view,
    }
