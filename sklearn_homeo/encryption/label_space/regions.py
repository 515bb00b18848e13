"""Regions of score space: which cell a row's scores belong to, by integers alone."""

from dataclasses import dataclass, replace

import numpy as np

from sklearn_homeo.encryption.label_space.classifiers import SCORE_STEP, indicators

__all__ = [
    "FEWEST_NUMBER_CELLS",
    "NARROW_POWER",
    "POWERS",
    "Regions",
    "cell_labels",
    "centred_logarithms",
    "labels_of_sums",
    "numbers_of_cells",
    "powers_of",
    "predicted_labels",
    "predicted_of_sums",
]

# Exponential function of -i * 2**-8 for logits below the largest, up to 16.
_EXP_STEP, _EXP_SIZE, _EXP_BITS = 2.0**-8, 4096, 20
PROBABILITY_BITS = 15
# Probabilities are compared by their square or fourth roots: the smaller the power, the
# more small ones matter, those of rare classes.
POWERS = (0.5, 0.25)
# Of probabilities as they are only middling ones matter: few rows lie between classes.
NARROW_POWER = 1.0
_ROOT_BITS = 12
# More than any squared distance between two points.
_OTHER_CLASS = 2.0**48
_LLOYD_ROUNDS = 10
# Squared distances, or shares of classes, in memory at a time.
_CHUNK_SQUARES = 2**20
# What is predicted of a cell counts as much as so many of its rows.
_PRIOR_ROWS = 10.0
_SMALLEST_SHARE = 1e-3
# Weight of a region's centre beside a row.
_TRACE = 1e-6
FEWEST_NUMBER_CELLS, MOST_NUMBER_CELLS = 8, 64
# Cells for each class; with more, scores are not much worse.
MOST_CELLS_PER_CLASS = 16


def powers_of(sizes):
    """Return the powers of probabilities to try: one, without effect, for numbers."""
    return POWERS[:1] if sizes is None else POWERS


def numbers_of_cells(n_classes):
    """Return how many cells are tried: the fewest first, then half an octave more.

    Smaller steps keep the number near the fewest that are enough: each cell more is
    another chance to link, and tells where in its class a row lies.

    Parameters
    ----------
    n_classes : int or None
        Combinations of the outputs' classes; None for numbers.

    Returns
    -------
    numbers : list of int
    """
    if n_classes is None:
        fewest, most = FEWEST_NUMBER_CELLS, MOST_NUMBER_CELLS
    else:
        fewest, most = n_classes, MOST_CELLS_PER_CLASS * n_classes
    steps = np.arange(2 * int(np.log2(most / fewest)) + 1)
    return [int(n) for n in np.unique(np.rint(fewest * 2.0 ** (steps / 2)))]


@dataclass(frozen=True, eq=False)
class Regions:
    """Nearest centres in the space of class probabilities, or of numbers.

    Of one output with classes, only the centres of the likeliest class count, so that
    no cell straddles a border between the classes.

    Parameters
    ----------
    sizes : tuple of int or None
        Number of classes of each output; None for numbers.
    power : float
        Power of the probabilities that are compared.
    exponentials, roots : ndarray of shape (n,), dtype int64
        Look-up tables of integers; empty for numbers.
    centres : ndarray of shape (n_centres, n_scores), dtype float64
        Integers: powers of probabilities, or scores.
    owners : ndarray of shape (n_centres,), dtype int64
        The class that a centre belongs to; zeros if it belongs to none.
    cells : ndarray of shape (n_centres,), dtype int64
        The cell of each centre. Centres of too few rows share a cell with a neighbour.
    """

    sizes: tuple | None
    power: float
    exponentials: np.ndarray
    roots: np.ndarray
    centres: np.ndarray
    owners: np.ndarray
    cells: np.ndarray

    @property
    def n_cells(self):
        """How many cells there are."""
        return int(self.cells.max()) + 1

    def index(self, scores):
        """Return the cell of each row of scores.

        Parameters
        ----------
        scores : ndarray of shape (n_samples, n_scores), dtype float64
            Integers, in steps of 2**-10.

        Returns
        -------
        index : ndarray of shape (n_samples,), dtype int64
            From 0 to ``n_cells - 1``.
        """
        return self.cells[self.nearest(scores)]

    def nearest(self, scores):
        """Return the centre nearest to each row of scores, of shape (n_samples,)."""
        nearest = np.empty(len(scores), dtype=np.intp)
        for some in self._chunks(len(scores)):
            nearest[some] = self._nearest(*self._located(scores[some]))
        return nearest

    def predictions(self, scores):
        """Return what scores predict, in integers.

        Parameters
        ----------
        scores : ndarray of shape (n_samples, n_scores), dtype float64

        Returns
        -------
        predictions : ndarray of shape (n_samples, n_scores)
            Class probabilities in steps of 2**-15, or the scores of numbers.
        """
        if self.sizes is None:
            return scores
        blocks = np.split(scores, np.cumsum(self.sizes)[:-1], axis=1)
        return np.hstack([_probabilities(block, self.exponentials) for block in blocks])

    def _located(self, scores):
        """Points in the space of the centres, and the classes that own them."""
        return _locate(scores, self.sizes, self.exponentials, self.roots)

    def _nearest(self, points, owners):
        nearest = np.empty(len(points), dtype=np.intp)
        for some in self._chunks(len(points)):
            squares = self._squares(points[some], owners[some])
            nearest[some] = squares.argmin(axis=1)
        return nearest

    def _chunks(self, n_rows):
        """Slices of so few rows that their squared distances take little memory."""
        size = max(_CHUNK_SQUARES // max(self.centres.shape), 1)
        return [slice(start, start + size) for start in range(0, n_rows, size)]

    def _squares(self, points, owners):
        """Squared distances to the centres, less those of the points to zero."""
        squares = points @ (-2.0 * self.centres.T)
        squares += (self.centres**2).sum(axis=1)
        squares += (owners[:, None] != self.owners) * _OTHER_CLASS
        return squares

    def counts(self, scores):
        """Return how many rows of scores each cell has, of shape (n_cells,)."""
        return np.bincount(self.index(scores), minlength=self.n_cells)

    def with_at_least(self, n_rows, counts):
        """Merge cells until each has `n_rows` rows, if there are enough.

        Parameters
        ----------
        n_rows : int
        counts : ndarray of shape (n_cells,), dtype int64
            Rows of each cell.

        Returns
        -------
        regions : Regions
        """
        most, counts = int(counts.sum()) + 1, counts.copy()
        cells = self.cells.copy()
        squares = self._squares(self.centres, self.owners)
        squares += (self.centres**2).sum(axis=1)[:, None]
        while (counts[counts >= 0] < n_rows).any() and (counts >= 0).sum() > 1:
            smallest = int(np.argmin(np.where(counts < 0, most, counts)))
            inside = cells == smallest
            apart = np.where(inside, np.inf, squares[inside].min(axis=0))
            taker = cells[int(np.argmin(apart))]
            cells[inside] = taker
            counts[taker] += counts[smallest]
            counts[smallest] = -1
        return replace(self, cells=np.unique(cells, return_inverse=True)[1])

    def state(self):
        """Return what defines it, by name."""
        none = np.zeros(0, np.int64)
        return {
            "sizes": none if self.sizes is None else np.array(self.sizes),
            "power": self.power,
            "exponentials": self.exponentials,
            "roots": self.roots,
            "centres": self.centres.astype(np.int32),
            "owners": self.owners,
            "cells": self.cells,
        }

    @classmethod
    def from_state(cls, state):
        """Rebuild it from `state`."""
        sizes = tuple(int(size) for size in state["sizes"])
        tables = (
            np.asarray(state[name], dtype=np.int64)
            for name in ("exponentials", "roots")
        )
        centres = np.asarray(state["centres"], dtype=np.float64)
        owners = np.asarray(state["owners"], dtype=np.int64)
        cells = np.asarray(state["cells"], dtype=np.int64)
        return cls(
            sizes or None, float(state["power"]), *tables, centres, owners, cells
        )

    @classmethod
    def from_centres(cls, centres, owners, sizes, power):
        """Make regions with a cell for each centre; arguments as of the class."""
        tables = _tables(sizes, power)
        return cls(sizes, power, *tables, centres, owners, np.arange(len(centres)))

    @classmethod
    def from_scores(cls, scores, sizes, n_cells, min_rows, power=POWERS[0]):
        """Cut the space where rows differ most, into at most that many regions.

        Parameters
        ----------
        scores : ndarray of shape (n_samples, n_scores), dtype float64
            Integers, in steps of 2**-10, of rows that the scorer was not fitted to.
        sizes : tuple of int or None
        n_cells : int
            At least 1. Each class that is anywhere the likeliest has a region.
        min_rows : int
            Least number of rows in a region.
        power : float, default=0.5
            Power of the probabilities that are compared.

        Returns
        -------
        regions : Regions
        """
        tables = _tables(sizes, power)
        points, owners = _locate(scores, sizes, *tables)
        parts = [np.flatnonzero(owners == owner) for owner in np.unique(owners)]
        parts = _split(points, parts, n_cells, min_rows)
        part_owners = np.array([owners[rows[0]] for rows in parts])
        centres = np.array([np.rint(points[rows].mean(axis=0)) for rows in parts])
        regions = cls(
            sizes, power, *tables, centres, part_owners, np.arange(len(parts))
        )
        for _ in range(_LLOYD_ROUNDS):
            nearest = regions._nearest(points, owners)
            moved = regions.centres.copy()
            for cell in np.unique(nearest):
                moved[cell] = np.rint(points[nearest == cell].mean(axis=0))
            if (moved == regions.centres).all():
                break
            regions = replace(regions, centres=moved)
        return regions


def _tables(sizes, power):
    if sizes is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    exponentials = np.exp(-_EXP_STEP * np.arange(_EXP_SIZE)) * 2**_EXP_BITS
    shares = np.arange(2**PROBABILITY_BITS + 1) / 2**PROBABILITY_BITS
    roots = shares**power * 2**_ROOT_BITS
    return np.rint(exponentials).astype(np.int64), np.rint(roots).astype(np.int64)


def _locate(scores, sizes, exponentials, roots):
    if sizes is None:
        return scores, np.zeros(len(scores), np.int64)
    blocks = np.split(scores, np.cumsum(sizes)[:-1], axis=1)
    shares = [_probabilities(block, exponentials) for block in blocks]
    points = roots[np.hstack(shares)].astype(np.float64)
    owners = scores.argmax(axis=1) if len(sizes) == 1 else np.zeros(len(scores), int)
    return points, owners


def _probabilities(logits, exponentials):
    """Return the softmax of logits, by a look-up table and whole divisions.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes), dtype float64
        Integers, in steps of 2**-10.
    exponentials : ndarray of shape (n,), dtype int64

    Returns
    -------
    shares : ndarray of shape (n_samples, n_classes), dtype int64
        In steps of 2**-15, rounded down.
    """
    below = logits.max(axis=1, keepdims=True) - logits
    places = np.minimum(below * (SCORE_STEP / _EXP_STEP), len(exponentials) - 1)
    weights = exponentials[places.astype(np.intp)]
    return (weights << PROBABILITY_BITS) // weights.sum(axis=1, keepdims=True)


def _split(points, parts, n_cells, min_rows):
    """Halve parts, always the one that gains most, until there are enough."""
    halves = [_best_halves(points, rows, min_rows) for rows in parts]
    while len(parts) < n_cells:
        best = int(np.argmax([gain for gain, _, _ in halves]))
        gain, first, second = halves[best]
        if gain <= 0:
            break
        parts[best] = first
        parts.append(second)
        halves[best] = _best_halves(points, first, min_rows)
        halves.append(_best_halves(points, second, min_rows))
    return parts


def _best_halves(points, rows, min_rows):
    """Halves along the axis of greatest variance, and the inertia that is gained."""
    nothing = -1.0, None, None
    if len(rows) < 2 * min_rows:
        return nothing
    centred = points[rows] - points[rows].mean(axis=0)
    place = centred @ _greatest_axis(centred)
    order = np.argsort(place, kind="stable")
    sums = np.cumsum(centred[order], axis=0)
    counts = np.arange(1, len(rows) + 1)
    # What both halves have around their common mean, which is zero.
    gains = (sums[:-1] ** 2).sum(axis=1) * (1 / counts[:-1] + 1 / counts[-2::-1])
    gains[np.diff(place[order]) <= 0] = -1.0
    gains[: min_rows - 1] = gains[len(rows) - min_rows :] = -1.0
    cut = int(np.argmax(gains))
    if gains[cut] <= 0:
        return nothing
    return float(gains[cut]), rows[order[: cut + 1]], rows[order[cut + 1 :]]


def _greatest_axis(centred):
    n_rows, n = centred.shape
    if n_rows < n:
        # The smaller of the two matrices of products.
        axis = centred.T @ np.linalg.eigh(centred @ centred.T)[1][:, -1]
    else:
        axis = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    # Of the two signs always the same, whatever the machine's LAPACK.
    return axis * np.sign(axis[np.argmax(np.abs(axis))])


def predicted_labels(regions, index, predictions):
    """Return what is predicted of the rows of each cell, on average.

    Parameters
    ----------
    regions : Regions
    index : ndarray of shape (n_samples,), dtype int64
        Cells of rows that the scorer was not fitted to.
    predictions : ndarray of shape (n_samples, n_scores)
        What `Regions.predictions` gives for the same rows.

    Returns
    -------
    predicted : ndarray of shape (n_cells, n_scores), dtype float64
        Class probabilities, or numbers.
    """
    sums = np.zeros((regions.n_cells, predictions.shape[1]))
    np.add.at(sums, index, predictions)
    counts = np.bincount(index, minlength=regions.n_cells)
    return predicted_of_sums(regions, sums, counts)


def predicted_of_sums(regions, sums, counts):
    """Return what `predicted_labels` does, of sums over the rows of each cell.

    Parameters
    ----------
    regions : Regions
    sums : ndarray of shape (n_cells, n_scores)
        Sums of `Regions.predictions`.
    counts : ndarray of shape (n_cells,)
        Rows of each cell.
    """
    unit, centres = SCORE_STEP, regions.centres * SCORE_STEP
    if regions.sizes is not None:
        unit = 2.0 ** (_ROOT_BITS / regions.power - PROBABILITY_BITS)
        centres = regions.centres ** (1 / regions.power)
    sums, counts = sums * unit, np.array(counts[:, None], np.float64)
    # Where no row lies, the region's own centre tells what would be predicted.
    np.add.at(sums, regions.cells, _TRACE * centres)
    np.add.at(counts, regions.cells, _TRACE)
    if regions.sizes is None:
        return sums / counts
    blocks = np.split(sums, np.cumsum(regions.sizes)[:-1], axis=1)
    return np.hstack([block / block.sum(axis=1, keepdims=True) for block in blocks])


def cell_labels(predicted, index, outputs, sizes):
    """Return the labels of the rows of each cell, and where rows are few, predictions.

    Parameters
    ----------
    predicted : ndarray of shape (n_cells, n_scores), dtype float64
        From `predicted_labels`; it counts as much as ten rows.
    index : ndarray of shape (n_samples,), dtype int64
        Cells of rows.
    outputs : ndarray of shape (n_samples, n_outputs)
        Their class codes, or numbers.
    sizes : tuple of int or None

    Returns
    -------
    labels : ndarray of shape (n_cells, n_scores), dtype float64
        Shares of the classes of each output, or mean numbers.
    """
    columns = outputs if sizes is None else indicators(outputs, sizes)
    sums, counts = np.zeros_like(predicted), np.zeros(len(predicted))
    np.add.at(sums, index, columns)
    np.add.at(counts, index, 1.0)
    return labels_of_sums(predicted, sums, counts)


def labels_of_sums(predicted, sums, counts):
    """Return what `cell_labels` does, of sums over the rows of each cell.

    Parameters
    ----------
    predicted, sums : ndarray of shape (n_cells, n_scores)
        Predictions, and sums of numbers or counts of classes.
    counts : ndarray of shape (n_cells,)
        Rows of each cell.
    """
    return (_PRIOR_ROWS * predicted + sums) / (_PRIOR_ROWS + counts)[:, None]


def centred_logarithms(shares, sizes):
    """Return logarithms of class probabilities, centred within each output."""
    logs = np.log(np.maximum(shares, _SMALLEST_SHARE))
    blocks = np.split(logs, np.cumsum(sizes)[:-1], axis=1)
    return np.hstack([block - block.mean(axis=1, keepdims=True) for block in blocks])
