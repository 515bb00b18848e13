"""How often ciphertexts are linked to rows: bounded for cells, else simulated."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.stats import norm

from sklearn_homeo.encryption._number_floors import NumberFloors

__all__ = ["Linking", "cells_linking", "scores_linking"]

# Candidates that are matched one to one; fewer are easier to tell apart.
_MATCHED_ROWS = 1000
_DRAWS, _WORST_DRAWS = 5, 200
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Linking:
    """How often ciphertexts of candidate rows can be linked to them.

    Parameters
    ----------
    n_candidates : int
    one_target : float
        Best expected rate for a target that is drawn evenly among the candidates, with
        each of them known. A bound if `is_exact`, else an estimate.
    one_to_one : float
        Best expected share of right pairs when all candidates' ciphertexts are matched
        with all candidates.
    worst_row : float
        The rate for the row that is easiest to link.
    smallest_cell : int or None
        Candidates in the smallest cell that has any; None without cells.
    n_views : int or None
        Cells that hold candidates; None without cells.
    r2 : float
        Share of the candidates' standardised variance that the cells' means explain;
        NaN without cells.
    label_floor : float
        The rate of an attacker who knows only the label; NaN for numbers, or without
        `y`.
    error : float
        Half-width of the 95 % interval of an estimate; 0 for a bound.
    n_matched : int
        Candidates among which `one_to_one` was estimated.
    number_floors : NumberFloors or None, default=None
        Shares of that variance that are rebuilt from a label of numbers alone, and from
        predictions of it: whatever leaves them possible tells as much. None without
        `y`.
    """

    n_candidates: int
    one_target: float
    one_to_one: float
    worst_row: float
    smallest_cell: int | None
    n_views: int | None
    r2: float
    label_floor: float
    error: float
    n_matched: int
    number_floors: NumberFloors | None = None

    @property
    def is_exact(self):
        """Whether the rates are bounds that were computed, not estimates."""
        return self.error == 0.0


def cells_linking(codes, X, n_cells, n_fits, randomized, label_floor):
    """Bound linking where rows leak their cell.

    Parameters
    ----------
    codes : ndarray of shape (n_candidates, width), dtype int64
    X : ndarray of shape (n_candidates, n_features), dtype float64
        The candidates, standardised.
    n_cells : int
        Cells of the encryptor.
    n_fits : int
        Number of fits. Each may have cut other cells, but as many.
    randomized : bool
        Whether equal rows have different ciphertexts.
    label_floor : float

    Returns
    -------
    linking : Linking
    """
    n = len(X)
    cells = np.unique(codes, axis=0, return_inverse=True)[1].ravel()
    counts = np.bincount(cells)
    n_views, smallest = len(counts), int(counts.min())
    # More than there are rows is as good as any number of other cells.
    others = n_cells ** min(n_fits - 1, 64)
    hits = float(min(n, n_views * others))
    worst = 1.0 / smallest if n_fits == 1 else 1.0
    if not randomized:
        # Who sees which ciphertexts are equal knows how often their row comes.
        hits = min(n, hits + _extra_hits(cells, X, others))
        worst = max(worst, _worst_with_equality(cells, X)) if n_fits == 1 else 1.0
    return Linking(
        n_candidates=n,
        one_target=float(hits / n),
        one_to_one=float(hits / n),
        worst_row=float(worst),
        smallest_cell=smallest,
        n_views=n_views,
        r2=_explained(cells, X) if n_fits == 1 else float("nan"),
        label_floor=label_floor,
        error=0.0,
        n_matched=n,
    )


def _with_multiplicity(cells, X):
    """Cells together with how often a row comes, and that number for each row."""
    rows = np.unique(X, axis=0, return_inverse=True)[1].ravel()
    times = np.bincount(rows)[rows]
    return np.unique(np.column_stack([cells, times]), axis=0, return_inverse=True)[
        1
    ].ravel(), times


def _extra_hits(cells, X, factor):
    groups, times = _with_multiplicity(cells, X)
    first = np.unique(groups, return_index=True)[1]
    # Of rows that come r times each, naming one is right r times.
    return (times[first].sum() - len(np.unique(cells))) * factor


def _worst_with_equality(cells, X):
    groups, times = _with_multiplicity(cells, X)
    return float((times / np.bincount(groups)[groups]).max())


def _explained(cells, X):
    """Share of the variance that lies between the cells."""
    total = ((X - X.mean(axis=0)) ** 2).sum()
    if total == 0:
        return 0.0
    counts = np.bincount(cells)
    sums = np.zeros((len(counts), X.shape[1]))
    np.add.at(sums, cells, X - X.mean(axis=0))
    return float(((sums**2).sum(axis=1) / counts).sum() / total)


def scores_linking(S, noise, n_repeats, label_floor):
    """Estimate linking where rows leak coordinates with noise, by simulation.

    The attacker knows all candidates' coordinates, sees each target's before they are
    rounded to 6 bits, and takes the likeliest: the nearest candidate, or the nearest
    one-to-one assignment of all.

    Parameters
    ----------
    S : ndarray of shape (n_candidates, k), dtype float64
        Coordinates without noise.
    noise : float
        Standard deviation of the noise, in the units of `S`.
    n_repeats : int
        How often each row is seen with fresh noise, which is averaged away.
    label_floor : float

    Returns
    -------
    linking : Linking
    """
    # The attacker's luck is no secret of the encryptor's.
    rng = np.random.default_rng()
    n, spread = len(S), noise / math.sqrt(n_repeats)
    rates = [_nearest_rate(S, spread, rng) for _ in range(_DRAWS)]
    rows = rng.permutation(n)[:_MATCHED_ROWS]
    matched = [_assignment_rate(S[rows], spread, rng) for _ in range(_DRAWS)]
    n_seen = _DRAWS * min(n, len(rows))
    larger = max(np.mean(rates), np.mean(matched))
    z = norm.ppf((1 + _CONFIDENCE) / 2)
    error = z * math.sqrt(max(larger * (1 - larger), 1 / n_seen) / n_seen)
    return Linking(
        n_candidates=n,
        one_target=float(np.mean(rates)),
        one_to_one=float(np.mean(matched)),
        worst_row=_most_isolated_rate(S, spread, rng),
        smallest_cell=None,
        n_views=None,
        r2=float("nan"),
        label_floor=label_floor,
        error=float(error),
        n_matched=len(rows),
    )


def _nearest_rate(S, spread, rng):
    seen = S + spread * rng.normal(size=S.shape)
    tree = cKDTree(S)
    distance, nearest = tree.query(seen)
    own = np.sqrt(((seen - S) ** 2).sum(axis=1))
    # Equal coordinates are as good as each other.
    tied = own <= distance * (1 + 1e-12)
    same = np.unique(S, axis=0, return_inverse=True, return_counts=True)
    copies = same[2][same[1].ravel()]
    return float((tied / copies)[nearest >= 0].mean())


def _assignment_rate(S, spread, rng):
    seen = S + spread * rng.normal(size=S.shape)
    squares = (seen**2).sum(axis=1)[:, None] - 2 * seen @ S.T + (S**2).sum(axis=1)
    order = rng.permutation(len(S))
    rows, columns = linear_sum_assignment(squares[:, order])
    return float((order[columns] == rows).mean())


def _most_isolated_rate(S, spread, rng):
    if len(S) == 1:
        return 1.0
    tree = cKDTree(S)
    distance = tree.query(S, k=2)[0][:, 1]
    row = int(np.argmax(distance))
    if distance[row] == 0:
        return float(1 / np.unique(S, axis=0, return_counts=True)[1].min())
    seen = S[row] + spread * rng.normal(size=(_WORST_DRAWS, S.shape[1]))
    return float((tree.query(seen)[1] == row).mean())
