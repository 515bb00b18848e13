"""The rounds of second moments of random features, for curved labels.

The first compares rows along all columns and along those in which classes differ; each
later one along those in which the best scores so far change, as recursive feature
machines do [1]_. The mean outer product of a score's gradients needs no rows: it is
made of the features' own second moments.

The last round's features are kernels of landmarks that are drawn from normal
distributions, with the moments that rows have: they lie where rows lie, and tell as
much as three times as many cosines. Where scores change along few columns, labels may
jump as well as bend, and half of the features are random steps in these columns.

References
----------
.. [1] A. Radhakrishnan, D. Beaglehole, P. Pandit, M. Belkin, "Mechanism for feature
   learning in neural networks and backpropagation-free machine learning models",
   Science 383, 2024.
"""

import hashlib
from dataclasses import replace

import numpy as np
from scipy.linalg import eigh

from sklearn_homeo._utils.threads import single_threaded_blas
from sklearn_homeo.ciphers.lattice import GRID_BITS, RANGE_BITS
from sklearn_homeo.encryption.label_space.feature_scores import (
    FEATURE_STEP,
    Bumps,
    FeatureMap,
    Steps,
    Waves,
)
from sklearn_homeo.encryption.label_space.kernel_scores import Kernel
from sklearn_homeo.encryption.summaries import families, logistic
from sklearn_homeo.encryption.summaries.noise import triangle
from sklearn_homeo.encryption.summaries.ridge import fit_ridge, score_moments
from sklearn_homeo.encryption.summaries.rows import (
    LATTICE_BITS,
    VALUE_BITS,
    VALUE_STEP,
)
from sklearn_homeo.encryption.summaries.sums import FoldSums, fold_sums

__all__ = [
    "MOST_AXES",
    "draw_landmarks",
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
# With noise there are no landmarks, and the last map has what was best, and no metric:
# on digits that errs less often than two metrics that are near each other.
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
    longest = np.sqrt(features.largest_square())
    return {
        "gram": triangle(len(features), 2**0.5 * longest**2),
        "sums": 2 * longest,
        "cross": 2 * longest * np.sqrt(plan.n_outputs),
    }


def first_map(plan, known, axes):
    """Return the features along axes that second moments told, a list of arrays."""
    blocks = [(own, WIDTH) for own in axes]
    n_features = int(_CHOOSING * _n_most(plan))
    return _map_of(*_draw_waves(_stream(plan, "features"), blocks, known, n_features))


def _n_most(plan):
    """No more features than there are rows: scores would learn nothing from more."""
    return min(plan.n_random_features, plan.known["n_rows"])


def learn(plan, totals):
    """Return the scores of the best features, and a map with metrics of these."""
    folds, best, ridge, block = _best_features(plan, totals)
    gradients = _gradient_moments(plan, folds, ridge, best)
    if plan.round == "features":
        blocks = [_block(plan, gradients, metric) for metric in METRICS]
        n_features = int(_CHOOSING * _n_most(plan))
        drawn = _draw_waves(_stream(plan, plan.round), blocks, plan.known, n_features)
        found = {**_map_of(*drawn), "metrics": [list(metric) for metric in METRICS]}
    else:
        metric = plan.known["map"]["metrics"][block]
        found = _last_map(plan, gradients, metric)
    return {
        "families": _with_family(plan, folds, best, ridge),
        "map": found,
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
    forgotten = {"map": {}, "logistic": {}, "landmarks": None}
    return {"families": {**linear, kept: found[kept]}, **forgotten}


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


def draw_landmarks(plan, means, covariances):
    """Return points like rows, of each group in turn.

    Parameters
    ----------
    plan : SummaryPlan
    means : ndarray of shape (n_groups, n_features)
    covariances : list of (ndarray, ndarray)
        For each group axes, of shape (n_features, n_axes), and the covariance along
        these.

    Returns
    -------
    landmarks : ndarray of shape (n_landmarks, n_features), dtype int32
        In steps of 2**-12.
    """
    n_landmarks, n_groups = _n_most(plan), len(means)
    rng, found = _stream(plan, "landmarks"), np.empty((n_landmarks, plan.n_features))
    for i, (mean, (axes, covariance)) in enumerate(
        zip(means, covariances, strict=True)
    ):
        values, vectors = eigh(covariance)
        factor = axes @ (vectors * np.sqrt(np.maximum(values, 0.0)))
        own = found[i::n_groups]
        own[:] = mean + rng.standard_normal((len(own), len(values))) @ factor.T
    limit = 2.0**VALUE_BITS
    return np.clip(np.rint(found / VALUE_STEP), -limit, limit).astype(np.int32)


def _stream(plan, label):
    """Random numbers that the plan's settings alone determine."""
    seed = hashlib.sha256(f"{plan.settings_digest}/{label}".encode()).digest()
    return np.random.RandomState(np.frombuffer(seed, "<u4"))


def _map_of(features, blocks):
    return {"features": FeatureMap(features).state(), "blocks": blocks}


def _block(plan, gradients, metric):
    """Axes along which rows are compared, and how closely."""
    along, power, width = metric
    return _axes_of(plan, gradients, along, power), width


def _scaled(axes, width, second):
    """Axes along which squared distances are negative logarithms of the kernel."""
    return axes * np.sqrt(width / max(np.trace(axes.T @ second @ axes), 1e-12))


def _draw_waves(rng, blocks, known, n_features):
    """Frequencies for pairs of axes and a width, and which are of which block."""
    n_each = max(n_features // (2 * len(blocks)), 1)
    frequencies = []
    for axes, width in blocks:
        draws = _orthogonal_draws(rng, axes.shape[1], n_each)
        frequencies.append(_scaled(axes, width, known["second"]) @ draws * 2**0.5)
    waves = Waves.from_frequencies(np.hstack(frequencies))
    return [waves], np.tile(np.repeat(np.arange(len(blocks)), n_each), 2)


def _last_map(plan, gradients, metric):
    """Kernels of landmarks in the best metric, or waves, and steps in few columns."""
    rng, n_features = _stream(plan, plan.round), max(_n_most(plan), 2)
    step_columns = _few_columns(gradients)
    n_smooth = n_features // 2 if len(step_columns) > 0 else n_features
    landmarks, best = plan.known["landmarks"], _block(plan, gradients, metric)
    if landmarks is None:
        blocks = [best]
        if len(step_columns) == 0:
            blocks.append(_block(plan, gradients, NO_METRIC))
        parts, numbers = _draw_waves(rng, blocks, plan.known, n_smooth)
    else:
        axes = _scaled(*best, plan.known["second"])
        u = landmarks[:n_smooth].astype(np.int64) << LATTICE_BITS
        parts, numbers = [Bumps(Kernel.from_real(axes, u))], np.zeros(n_smooth, int)
    if len(step_columns) > 0:
        parts.append(_draw_steps(rng, step_columns, n_features - n_smooth))
        numbers = np.append(numbers, np.full(len(parts[-1]), numbers.max() + 1))
    return _map_of(parts, numbers)


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

    On the first fold, from which no metric is learnt; landmarks are, of all.

    Returns
    -------
    folds : FoldSums
        The sums of these features, bumps whitened.
    places : ndarray of int
        Which they are.
    ridge : Ridge
    block : int
        The best single block.
    """
    folds = FoldSums.from_totals(totals, FEATURE_STEP, plan.target_step)
    if plan.bounds is not None:
        folds = folds.possible(plan.noise_of("gram") * FEATURE_STEP**2)
    features = FeatureMap.from_state(plan.known["map"]["features"])
    with single_threaded_blas():
        folds = folds.mapped(features.whitening())
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
    moments, features = score_moments(ridge, folds, plan.sizes), _part_of(plan, places)
    weights, whitening = ridge.weights.copy(), features.whitening()
    first = slice(len(whitening))
    weights[:, first] = whitening @ weights[:, first]
    return families.describe(replace(ridge, weights=weights), moments, features)


def _part_of(plan, places):
    """The map to some of the features."""
    return FeatureMap.from_state(plan.known["map"]["features"]).part(places)


def _gradient_moments(plan, folds, ridge, places):
    """The mean outer product of the scores' gradients, with respect to the columns.

    The first fold has no part in it, so that it tells which metric is best.
    """
    features = _part_of(plan, places)
    (waves,) = features.parts
    projection = waves.projection
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
