"""The rounds of second moments of random features, for curved labels.

The first compares rows along all columns and along those in which classes differ; each
later one along those in which the best scores so far change, as recursive feature
machines do [1]_. The mean outer product of a score's gradients needs no rows: it is
made of the features' own second moments. Where scores change along few columns,
labels may jump as well as bend, and the last round has random steps in these columns.

References
----------
.. [1] A. Radhakrishnan, D. Beaglehole, P. Pandit, M. Belkin, "Mechanism for feature
   learning in neural networks and backpropagation-free machine learning models",
   Science 383, 2024.
"""

import hashlib

import numpy as np
from scipy.linalg import eigh

from sklearn_homeo.ciphers.lattice import GRID_BITS, RANGE_BITS
from sklearn_homeo.encryption.label_space.feature_scores import (
    FEATURE_STEP,
    FeatureMap,
    Steps,
)
from sklearn_homeo.encryption.summaries import families, logistic
from sklearn_homeo.encryption.summaries.noise import triangle
from sklearn_homeo.encryption.summaries.ridge import fit_ridge, score_moments
from sklearn_homeo.encryption.summaries.sums import FoldSums, fold_sums

__all__ = [
    "MOST_AXES",
    "first_map",
    "learn",
    "learn_last",
    "principal_axes",
    "sensitivities",
    "sums",
]

FEATURE_BITS = 15
# Of the kernel, against the mean squared distance of two rows.
WIDTH = 0.3
# The last map has what was best, and no metric: on digits that errs less often than two
# metrics that are near each other.
NO_METRIC = ("none", 0.0, WIDTH)
# Metrics that are made of the mean outer product of gradients: along its own axes,
# along the columns, which no noise can tilt, or none; its power; and a width. Along few
# axes there is more to see at a closer look.
METRICS = (
    *(NO_METRIC, ("axes", 0.5, 0.15), ("axes", 0.5, 0.5), ("axes", 1.0, 2.0)),
    *(("columns", 0.5, 0.25), ("columns", 1.0, 2.0), ("columns", 2.0, 2.0)),
    ("columns", 2.0, 6.0),
)
_LEAST_SIZE = 1e-5
# Of the features, where a metric is yet to be chosen: the last ones make the scores.
_CHOOSING = 2 / 3
# As of a kernel machine: axes along which rows are compared, at most.
MOST_AXES = 96
# Steps are drawn where so few columns have nearly all that the scores change by.
MOST_STEP_COLUMNS = 4
_NEARLY_ALL = 0.98
# Which part of the steps is of one column, of two and of three.
_ORDERS = (0.2, 0.5, 0.3)


def sums(plan, rows):
    """Return second moments of the features and targets, fold by fold.

    Parameters
    ----------
    plan : SummaryPlan
    rows : OwnRows

    Returns
    -------
    sums : dict of str to ndarray, dtype int64
    """
    features = FeatureMap.from_state(plan.known["map"]["features"])
    values, targets = features(rows.lattice_rows(plan)), rows.targets(plan)
    found = fold_sums(values, targets, rows.folds, FEATURE_BITS, plan.target_bits)
    return {**found, **logistic.sums(plan, rows)}


def sensitivities(plan):
    """Return how much sums can change with one row, in the Euclidean norm.

    All rows' features have nearly the same norm, since a cosine and its sine lie on a
    circle, and steps are signs.
    """
    features = FeatureMap.from_state(plan.known["map"]["features"])
    squares = features.cosines**2 + np.roll(features.cosines, features.quarter) ** 2
    m, n_steps = features.n_frequencies, len(features.steps)
    longest = np.sqrt(m * squares.max() + n_steps / FEATURE_STEP**2)
    return {
        "gram": triangle(2 * m + n_steps, 2**0.5 * longest**2),
        "sums": 2 * longest,
        "cross": 2 * longest * np.sqrt(plan.n_outputs),
    }


def first_map(plan, known, axes):
    """Return the features along axes that second moments told, a list of arrays."""
    blocks = [(own, WIDTH) for own in axes]
    return _draw_map(plan, blocks, known["second"], "features", _CHOOSING)


def learn(plan, totals):
    """Return the scores of the best features, and a map with a metric of these."""
    folds, best, ridge, block = _best_features(plan, totals)
    gradients = _gradient_moments(plan, folds, ridge, best)
    metrics, share, step_columns = METRICS, _CHOOSING, ()
    if "metrics" in plan.known["map"]:
        share, metrics = 1.0, [plan.known["map"]["metrics"][block]]
        step_columns = _few_columns(gradients)
        if len(step_columns) == 0:
            metrics.append(NO_METRIC)
    blocks = [
        (_axes_of(plan, gradients, along, power), width)
        for along, power, width in metrics
    ]
    second = plan.known["second"]
    drawn = _draw_map(plan, blocks, second, plan.round, share, step_columns)
    return {
        "families": _with_family(plan, folds, best, ridge),
        "map": {**drawn, "metrics": [list(metric) for metric in metrics]},
        "logistic": logistic.next_step(plan, totals),
    }


def learn_last(plan, totals):
    """Return the scores of the best features, and linear ones."""
    folds, best, ridge, _ = _best_features(plan, totals)
    found = _with_family(plan, folds, best, ridge)
    linear = {"linear": found.pop("linear")}
    kept = min(found, key=lambda name: found[name]["error"])
    if plan.known["logistic"]:
        linear |= logistic.families_of(plan, logistic.next_step(plan, totals))
    return {"families": {**linear, kept: found[kept]}, "map": {}, "logistic": {}}


def principal_axes(gram):
    """Return all columns, or the leading axes of a second moment where there are many.

    Returns
    -------
    axes : ndarray of shape (n_features, n_axes), dtype float64
    """
    n = len(gram)
    if n <= MOST_AXES:
        return np.eye(n)
    return eigh(gram, subset_by_index=[n - MOST_AXES, n - 1])[1][:, ::-1]


def _draw_map(plan, blocks, second, label, share, step_columns=()):
    """Frequencies for pairs of axes and a width, steps, and which are of which block.

    The plan's settings alone say what they are drawn from. No more than there are
    rows: scores would learn nothing from more. Steps are a block of their own, the
    last one.
    """
    n_features = int(share * min(plan.n_random_features, plan.known["n_rows"]))
    seed = hashlib.sha256(f"{plan.settings_digest}/{label}".encode()).digest()
    rng = np.random.RandomState(np.frombuffer(seed, "<u4"))
    n_blocks = len(blocks) + (len(step_columns) > 0)
    n_each = max(n_features // (2 * n_blocks), 1)
    frequencies, steps = [], Steps.none()
    for axes, width in blocks:
        size = max(np.trace(axes.T @ second @ axes), 1e-12)
        draws = _orthogonal_draws(rng, axes.shape[1], n_each)
        frequencies.append(axes @ draws * np.sqrt(2 * width / size))
    if len(step_columns) > 0:
        steps = _draw_steps(rng, step_columns, 2 * n_each)
    of_pairs = np.tile(np.repeat(np.arange(len(blocks)), n_each), 2)
    return {
        "features": FeatureMap.from_frequencies(np.hstack(frequencies), steps).state(),
        "blocks": np.append(of_pairs, np.full(len(steps), len(blocks))),
    }


def _few_columns(gradients):
    """The columns along which scores change, if they are few."""
    shares = np.diag(gradients) / max(np.trace(gradients), 1e-300)
    order = np.argsort(-shares, kind="stable")
    n_needed = int((np.cumsum(shares[order]) < _NEARLY_ALL).sum()) + 1
    return order[:n_needed] if n_needed <= MOST_STEP_COLUMNS else order[:0]


def _draw_steps(rng, columns, n_steps):
    """Steps in one, two or three of the columns, at normal thresholds."""
    n_factors = min(len(columns), len(_ORDERS))
    orders = rng.choice(np.arange(len(_ORDERS)) + 1, size=n_steps, p=_ORDERS)
    drawn = np.array([rng.permutation(columns)[:n_factors] for _ in range(n_steps)])
    thresholds = np.rint(rng.standard_normal(drawn.shape) * 2.0**GRID_BITS)
    is_used = np.arange(n_factors) < orders[:, None]
    return Steps(
        drawn, np.where(is_used, thresholds, -(2.0**RANGE_BITS)).astype(np.int64)
    )


def _orthogonal_draws(rng, n_axes, n_draws):
    """Normal vectors, as many as there are axes orthogonal: they tell more together."""
    parts = []
    for _ in range(-(-n_draws // n_axes)):
        turn = np.linalg.qr(rng.standard_normal((n_axes, n_axes)))[0]
        lengths = np.linalg.norm(rng.standard_normal((n_axes, n_axes)), axis=0)
        parts.append(turn * lengths)
    return np.hstack(parts)[:, :n_draws]


def _best_features(plan, totals):
    """The features of one block, of neighbours or of all that err least.

    On the first fold, from which no metric is learnt.

    Returns
    -------
    folds : FoldSums
        The sums of these features.
    places : ndarray of int
        Which they are.
    ridge : Ridge
    block : int
        The best single block.
    """
    folds = FoldSums.from_totals(totals, FEATURE_STEP, plan.target_step)
    if plan.bounds is not None:
        folds = folds.possible(plan.noise_of("gram") * FEATURE_STEP**2)
    blocks = plan.known["map"]["blocks"]
    n_blocks = int(blocks.max()) + 1
    candidates = [blocks == one for one in range(n_blocks)]
    candidates += [(blocks == one) | (blocks == one + 1) for one in range(n_blocks - 1)]
    candidates += [blocks >= 0] if n_blocks > 2 else []
    places = [np.flatnonzero(candidate) for candidate in candidates]
    fitted = []
    for one in places:
        near = fitted[-1].penalty if fitted else None
        fitted.append(fit_ridge(folds.of_features(one), near))
    errors = [ridge.fresh_error for ridge in fitted]
    best = int(np.argmin(errors))
    block = int(np.argmin(errors[:n_blocks]))
    return folds.of_features(places[best]), places[best], fitted[best], block


def _with_family(plan, folds, places, ridge):
    return {**plan.known["families"], plan.round: _family(plan, folds, places, ridge)}


def _family(plan, folds, places, ridge):
    """The scores of some features of the map, ready for the last round."""
    moments = score_moments(ridge, folds, plan.sizes)
    return families.describe(ridge, moments, _part_of(plan, places))


def _part_of(plan, places):
    """The map to some of the features."""
    return FeatureMap.from_state(plan.known["map"]["features"]).part(places)


def _gradient_moments(plan, folds, ridge, places):
    """The mean outer product of the scores' gradients, with respect to the columns.

    The first fold has no part in it, so that it tells which metric is best.
    """
    features = _part_of(plan, places)
    projection = features.projection
    frequencies = np.zeros((plan.n_features, projection.weights.shape[1]))
    steps = projection.units * 2.0**14
    frequencies[projection.columns] = 2 * np.pi * projection.weights * steps
    m = frequencies.shape[1]
    gram = folds.gram[1:].sum(axis=0) / folds.counts[1:].sum()
    cosines, sines, mixed = gram[:m, :m], gram[m:, m:], gram[:m, m:]
    inner = np.zeros((m, m))
    for weights in ridge.weights[0].T:
        a, b = weights[:m], weights[m:]
        # Along its frequency, a cosine's slope is minus the sine, a sine's the cosine.
        both = np.outer(b, a) * mixed
        inner += np.outer(a, a) * sines + np.outer(b, b) * cosines - both - both.T
    return frequencies @ inner @ frequencies.T


def _axes_of(plan, moments, along, power):
    """Axes along which rows are compared, each as long as the scores change there."""
    if along == "none":
        return principal_axes(plan.known["second"])
    if along == "columns":
        moments = np.diag(np.diag(moments))
    values, vectors = eigh(moments)
    sizes = np.maximum(values / max(values[-1], 1e-300), 0.0) ** power
    kept = np.flatnonzero(sizes > _LEAST_SIZE)[::-1][:MOST_AXES]
    if len(kept) == 0:
        return np.eye(len(moments))[:, :MOST_AXES]
    return vectors[:, kept] * np.sqrt(sizes[kept])
