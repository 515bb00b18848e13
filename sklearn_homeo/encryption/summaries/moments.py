"""The third round: second moments of standardised columns, and of each class."""

import numpy as np
from scipy.linalg import eigh

from sklearn_homeo.encryption.summaries import families, features, logistic
from sklearn_homeo.encryption.summaries.noise import clipped_norms, triangle
from sklearn_homeo.encryption.summaries.ridge import (
    fit_ridge,
    is_single_label,
    score_moments,
)
from sklearn_homeo.encryption.summaries.rows import (
    COARSE_BITS,
    COARSE_STEP,
    VALUE_BITS,
    VALUE_STEP,
    coarsened,
)
from sklearn_homeo.encryption.summaries.sums import FoldSums, exact_product, fold_sums

__all__ = ["learn", "sensitivities", "sums"]

# Beyond, moments of every class would be too much to send.
MOST_CONTRASTED = 256
_SHRINKAGE = 0.02
# With noise, longer rows are shortened to so many times the root of the mean square.
_NORM = 1.25


def sums(plan, rows):
    """Return second moments of columns and targets, fold by fold.

    And of each class, or of columns times a number, where columns are not too many.

    Parameters
    ----------
    plan : SummaryPlan
    rows : OwnRows

    Returns
    -------
    sums : dict of str to ndarray, dtype int64
    """
    values = rows.standardised(plan)
    if plan.bounds is not None:
        values = clipped_norms(values, _longest(plan))
    targets, target_bits = rows.targets(plan), plan.target_bits
    found = fold_sums(values, targets, rows.folds, VALUE_BITS, target_bits)
    if plan.n_features <= MOST_CONTRASTED:
        coarse = coarsened(values)
        if plan.bounds is not None:
            coarse = clipped_norms(coarse, _longest_coarse(plan))
        bits = 2 * COARSE_BITS + target_bits
        upper = np.triu_indices(plan.n_features)
        found["of classes"] = np.stack(
            [
                exact_product(coarse, coarse * one[:, None], bits)[upper]
                for one in targets.T
            ]
        )
    return found


def sensitivities(plan):
    """Return how much sums can change with one row, in the Euclidean norm.

    Outer products of two rows, of norm c at most, differ by at most the root of 2 times
    the square of c.
    """
    n, longest, coarse = plan.n_features, _longest(plan), _longest_coarse(plan)
    n_outputs = np.sqrt(plan.n_outputs)
    found = {
        "gram": triangle(n, 2**0.5 * longest**2),
        "sums": 2.0 * longest,
        "cross": 2.0 * longest * n_outputs,
    }
    if n <= MOST_CONTRASTED:
        found["of classes"] = triangle(n, 2**0.5 * coarse**2 * n_outputs)
    return found


def _longest(plan):
    return np.floor(_NORM * np.sqrt(plan.n_features) / VALUE_STEP)


def _longest_coarse(plan):
    return np.floor(_NORM * np.sqrt(plan.n_features) / COARSE_STEP)


def learn(plan, totals):
    """Return linear scores, and random features along axes that suit the label."""
    classes = totals.pop("of classes", None)
    folds = FoldSums.from_totals(totals, VALUE_STEP, plan.target_step)
    if plan.bounds is not None:
        folds = folds.possible(plan.noise_of("gram") * VALUE_STEP**2)
    ridge = fit_ridge(folds)
    moments = score_moments(ridge, folds, plan.sizes)
    gram = folds.gram.sum(axis=0) / plan.known["n_rows"]
    axes = [features.principal_axes(gram)]
    by_class = None
    if classes is not None:
        by_class = _squares(plan, classes)
        axes.append(_contrast_axes(plan, gram, folds, by_class))
    found = families.describe(ridge, moments)
    known = {
        "families": {"linear": found},
        "second": gram,
        "logistic": logistic.first_step(plan, folds),
        "counts": moments.counts,
        "class_means": folds.cross.sum(axis=0).T / moments.counts[:, None],
    }
    return {
        **known,
        "map": features.first_map(plan, known, axes),
        "landmarks": _landmarks(plan, known, by_class),
    }


def _squares(plan, classes):
    """Sums of squares and products of each class, or of columns times a number."""
    n = plan.n_features
    found = np.zeros((len(classes), n, n))
    found[:, *np.triu_indices(n)] = classes * (COARSE_STEP**2 * plan.target_step)
    return found + np.swapaxes(np.triu(found, 1), 1, 2)


def _landmarks(plan, known, by_class):
    """Points that are drawn like the rows of each class; none where there is noise.

    The fewer rows a class has, the more its covariance is like that within all. With
    numbers, several outputs or many columns there is a single covariance.
    """
    if plan.bounds is not None:
        return None
    n, gram = plan.n_features, known["second"]
    axes = features.principal_axes(gram)
    if not is_single_label(plan.sizes):
        own = axes, axes.T @ gram @ axes
        return features.draw_landmarks(plan, np.zeros((1, n)), [own])
    means, counts = known["class_means"], known["counts"]
    between = (means.T * (counts / counts.sum())) @ means
    within = axes.T @ (gram - between) @ axes
    covariances = []
    for j, mean in enumerate(means):
        own = within
        if by_class is not None:
            own = axes.T @ (by_class[j] / counts[j] - np.outer(mean, mean)) @ axes
        share = counts[j] / (counts[j] + n)
        covariances.append((axes, share * own + (1 - share) * within))
    return features.draw_landmarks(plan, means, covariances)


def _contrast_axes(plan, gram, folds, by_class):
    """Axes along which classes differ, in mean or in spread, each as long as it tells.

    Directional regression on the pooled moments; for a number, principal Hessian
    directions and the direction of the number itself.
    """
    values, vectors = eigh(gram)
    shrunk = (1 - _SHRINKAGE) * np.maximum(values, 0.0) + _SHRINKAGE
    whitening = vectors / np.sqrt(shrunk)
    n = len(gram)
    cross, counts = folds.cross.sum(axis=0), folds.target_sums.sum(axis=0)
    contrast = np.zeros((n, n))
    for j, moment in enumerate(by_class):
        size = counts[j] if plan.sizes is not None else plan.known["n_rows"]
        white = whitening.T @ (moment / size) @ whitening
        mean = whitening.T @ (cross[:, j] / size)
        if plan.sizes is not None:
            white -= np.eye(n)
        contrast += white @ white + np.outer(mean, mean)
    values, directions = eigh(contrast)
    lengths = np.sqrt(np.maximum(values / max(values[-1], 1e-300), 0.0))
    kept = np.flatnonzero(lengths > 1e-2)[::-1][: features.MOST_AXES]
    return whitening @ (directions[:, kept] * lengths[kept])
