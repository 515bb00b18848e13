"""The round of scores: how those of left-out rows spread, class by class.

Least squares predict indicators of classes, and moments say nothing of tails. With the
histogram of every score in every class, scores can be drawn like those of rows: normal
numbers that are correlated as the scores are, each taken to its place in the histogram.
Such draws do what rows do in one owner's fit. Logistic regression on them turns scores
into logits, and cells are cut among them.
"""

import numpy as np
from scipy.linalg import eigh
from scipy.special import ndtr

from sklearn_homeo.encryption.label_space.classifiers import (
    MAX_CALIBRATED,
    SCORE_STEP,
    logits_of,
)
from sklearn_homeo.encryption.label_space.regions import (
    Regions,
    numbers_of_cells,
    powers_of,
)
from sklearn_homeo.encryption.summaries import families
from sklearn_homeo.encryption.summaries.ridge import (
    IMPOSSIBLE,
    ScoreMoments,
    is_single_label,
)

__all__ = ["learn", "regions_of", "sensitivities", "sums"]

# Bins of a histogram, from so many standard deviations below the mean to as many above.
_N_BINS, _REACH = 128, 8.0
# Draws, and of the rarest class at least.
_DRAWN, _LEAST_DRAWN = 4000, 40
# Drawn rows of a region, at least.
_MIN_ROWS = 10


def sums(plan, rows):
    """Return histograms of each family's scores of left-out rows, class by class.

    Nothing where there is noise, many classes, or several outputs.

    Parameters
    ----------
    plan : SummaryPlan
    rows : OwnRows

    Returns
    -------
    sums : dict of str to ndarray of shape (n_groups, n_scores, 128), dtype int64
        Groups are the classes; of numbers, all rows are one.
    """
    if not _are_told(plan):
        return {}
    u, found = rows.lattice_rows(plan), {}
    is_single = is_single_label(plan.sizes)
    groups = rows.codes[:, 0] if is_single else np.zeros(len(u), np.int64)
    for name, family in plan.known["families"].items():
        scores = [one.scores(u) for one in families.scorers_of(family)]
        left_out = families.left_out_scores(scores, rows.folds) * SCORE_STEP
        means, covariance, _ = _moments_of(plan, family).spread()
        low, width = _bins(means, covariance)
        places = np.floor((left_out - low[groups]) / width).astype(np.int64)
        places = np.clip(places, 0, _N_BINS - 1)
        counts = np.zeros((*means.shape, _N_BINS), np.int64)
        np.add.at(counts, (groups[:, None], np.arange(means.shape[1]), places), 1)
        found[name] = counts
    return found


def sensitivities(plan):
    """Return nothing: with noise, these sums are not told."""
    return {}


def learn(plan, totals):
    """Return families whose scores are logits, and how their cells are cut."""
    found = {}
    for name, family in plan.known["families"].items():
        moments = _moments_of(plan, family)
        draws, groups = _draws(moments, totals.get(name))
        matrix, offsets = moments.logits()
        if name in totals and plan.sizes is not None:
            matrix, offsets = logits_of(draws, groups[:, None], plan.sizes)
        scores = np.rint((draws @ matrix + offsets) / SCORE_STEP)
        regions = [
            Regions.from_scores(scores, plan.sizes, n_cells, _MIN_ROWS, power)
            for power in powers_of(plan.sizes)
            for n_cells in _ladder(plan)
        ]
        found[name] = {
            "features": family["features"],
            "weights": family["weights"] @ matrix,
            "offsets": family["offsets"] @ matrix + offsets,
            "regions": [
                {"power": one.power, "centres": one.centres, "owners": one.owners}
                for one in regions
            ],
        }
    return {"families": found}


def regions_of(plan, family):
    """Return the regions of a family that `learn` described."""
    return [
        Regions.from_centres(one["centres"], one["owners"], plan.sizes, one["power"])
        for one in family["regions"]
    ]


def _are_told(plan):
    if plan.bounds is not None:
        return False
    if plan.sizes is None:
        return True
    return is_single_label(plan.sizes) and plan.sizes[0] <= MAX_CALIBRATED


def _moments_of(plan, family):
    known = (family[name] for name in ("means", "second", "counts"))
    return ScoreMoments(*known, plan.sizes)


def _bins(means, covariance):
    """Where the bins of each group and score begin, and how wide those of a score are.

    Returns
    -------
    low : ndarray of shape (n_groups, n_scores)
    width : ndarray of shape (n_scores,)
    """
    reach = _REACH * np.sqrt(np.maximum(np.diag(covariance), SCORE_STEP**2))
    return means - reach, 2 * reach / _N_BINS


def _draws(moments, counts):
    """Scores like those of left-out rows, from a fixed stream, and their groups.

    Parameters
    ----------
    moments : ScoreMoments
    counts : ndarray of shape (n_groups, n_scores, n_bins) or None
        Histograms; None leaves the scores normal.

    Raises
    ------
    ValueError
        If no rows can have such histograms.
    """
    means, covariance, shares = moments.spread()
    rng = np.random.RandomState(0)
    drawn = np.maximum(np.rint(_DRAWN * shares).astype(int), _LEAST_DRAWN)
    groups = np.repeat(np.arange(len(drawn)), drawn)
    values, vectors = eigh(covariance)
    factor = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = rng.standard_normal((len(groups), len(factor))) @ factor.T
    if counts is None:
        return means[groups] + normal, groups
    if (counts < 0).any() or not counts.any(axis=2).all():
        raise ValueError(IMPOSSIBLE)
    deviations = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    levels, draws = ndtr(normal / deviations), np.empty_like(normal)
    low, width = _bins(means, covariance)
    for group, by_score in enumerate(counts):
        rows = groups == group
        for j, one in enumerate(by_score):
            edges = low[group, j] + width[j] * np.arange(_N_BINS + 1)
            shares = np.concatenate([[0.0], np.cumsum(one)]) / one.sum()
            draws[rows, j] = np.interp(levels[rows, j], shares, edges)
    return draws, groups


def _ladder(plan):
    """How many cells are tried."""
    if plan.n_cells != "auto":
        return [plan.n_cells]
    if plan.sizes is None:
        return numbers_of_cells(None)
    # Not all combinations of many outputs occur.
    fewest = int(np.prod(plan.sizes)) if len(plan.sizes) < 3 else sum(plan.sizes)
    return numbers_of_cells(fewest)
