"""Logistic regression from sums: a Newton step in each round of features.

Newton's method needs the gradient of the log likelihood and its second derivatives,
both of which are sums over rows. Where all probabilities are still the shares of the
classes, second moments give them, so that the first step needs no round of its own.
"""

import numpy as np
from scipy.linalg import LinAlgError, solve

from sklearn_homeo._utils.threads import single_threaded_blas
from sklearn_homeo.encryption.label_space.yardsticks import softmax
from sklearn_homeo.encryption.summaries.ridge import (
    IMPOSSIBLE,
    ScoreMoments,
    is_single_label,
)
from sklearn_homeo.encryption.summaries.rows import (
    COARSE_BITS,
    COARSE_STEP,
    VALUE_BITS,
    VALUE_STEP,
    coarsened,
)
from sklearn_homeo.encryption.summaries.sums import FOLDS, exact_product

__all__ = ["families_of", "first_step", "next_step", "sums"]

# Inverse strengths of the penalty, as in one owner's fit: a usual and a shrunk one.
STRENGTHS = {"logistic": 0.5, "logistic, shrunk": 0.05}
# Second derivatives of more entries would be too much to send.
MOST_ENTRIES = 50_000
# Probabilities in steps of 2**-15 in the gradient, of 2**-12 in second derivatives.
_RESIDUAL_BITS, _PRODUCT_BITS = 15, 12
# Logits of all classes can grow together for nothing; what stops them is no penalty.
_LEAST_PENALTY = 1e-3


def first_step(plan, folds):
    """Return the weights after the step that moments of the columns give.

    Parameters
    ----------
    plan : SummaryPlan
    folds : FoldSums

    Returns
    -------
    weights : dict of str to ndarray of shape (n_folds + 1, n_features + 1, n_classes)
        By penalty, the offsets last; fold by fold those that never saw it. Empty with
        noise, for numbers and several outputs, and where there would be too much to
        send.
    """
    if not _is_suitable(plan):
        return {}
    start = np.zeros((plan.n_features + 1, plan.sizes[0]))
    parts = [_at_shares(folds.all_but(fold)) for fold in [*range(FOLDS), None]]
    found = {}
    for name, strength in STRENGTHS.items():
        steps = []
        for shares, gradient, curvature in parts:
            start[-1] = np.log(shares)
            steps.append(_stepped(start, gradient, curvature, strength))
        found[name] = np.stack(steps)
    return found


def sums(plan, rows):
    """Return gradients and second derivatives at the last weights.

    Parameters
    ----------
    plan : SummaryPlan
    rows : OwnRows

    Returns
    -------
    sums : dict of str to ndarray, dtype int64
        By penalty: sums over the rows that each of the weights may see. Of second
        derivatives, upper triangles for each pair of classes.
    """
    if not plan.known["logistic"]:
        return {}
    values, found = rows.standardised(plan), {}
    fine = _with_ones(values, VALUE_STEP)
    coarse = _with_ones(coarsened(values), COARSE_STEP)
    targets = rows.targets(plan) * 2.0**_RESIDUAL_BITS
    upper = np.triu_indices(plan.n_features + 1)
    for name, weights in plan.known["logistic"].items():
        gradients, curvatures = [], []
        for fold in range(FOLDS + 1):
            seen = rows.folds != fold
            own, rough = fine[seen], coarse[seen]
            shares = softmax(own @ weights[fold] * VALUE_STEP, plan.sizes)
            residuals = np.rint(shares * 2.0**_RESIDUAL_BITS) - targets[seen]
            bits = VALUE_BITS + _RESIDUAL_BITS
            gradients.append(exact_product(own, residuals, bits))
            bits = 2 * COARSE_BITS + _PRODUCT_BITS
            products = np.rint(_pairs(shares) * 2.0**_PRODUCT_BITS)
            curvatures.append(
                [
                    exact_product(rough, rough * one[:, None], bits)[upper]
                    for one in products.T
                ]
            )
        found[f"{name}/gradients"] = np.stack(gradients)
        found[f"{name}/curvatures"] = np.array(curvatures)
    return found


def next_step(plan, totals):
    """Return the weights after one more step, as `first_step` does."""
    found = {}
    for name, weights in plan.known["logistic"].items():
        gradients = totals[f"{name}/gradients"] * (VALUE_STEP * 2.0**-_RESIDUAL_BITS)
        curvatures = totals[f"{name}/curvatures"]
        curvatures = curvatures * (COARSE_STEP**2 * 2.0**-_PRODUCT_BITS)
        triples = zip(weights, gradients, curvatures, strict=True)
        found[name] = np.stack(
            [_stepped(*triple, STRENGTHS[name]) for triple in triples]
        )
    return found


def families_of(plan, weights_by_name):
    """Return weights as families of scores.

    How scores spread is taken from all rows, those that they were fitted to.
    """
    found, known = {}, plan.known
    for name, weights in weights_by_name.items():
        own, offsets = weights[FOLDS, :-1], weights[FOLDS, -1]
        second = own.T @ known["second"] @ own + np.outer(offsets, offsets)
        moments = ScoreMoments(
            known["class_means"] @ own + offsets, second, known["counts"], plan.sizes
        )
        found[name] = {
            "features": {},
            "weights": weights[:, :-1],
            "offsets": weights[:, -1],
            **moments.state(),
        }
    return found


def _is_suitable(plan):
    if plan.bounds is not None or not is_single_label(plan.sizes):
        return False
    n, n_classes = plan.n_features, plan.sizes[0]
    n_pairs = n_classes * (n_classes - 1) // 2
    return n_pairs * (n + 1) * (n + 2) // 2 <= MOST_ENTRIES


def _with_ones(values, step):
    return np.hstack([values, np.full((len(values), 1), 1.0 / step)])


def _pairs(shares):
    """Products of the probabilities of each pair of classes, pair after pair."""
    first, second = np.triu_indices(shares.shape[1], 1)
    return shares[:, first] * shares[:, second]


def _at_shares(moments):
    """Shares of the classes, and derivatives where these are all probabilities."""
    gram, cross, _, sums, target_sums, count = moments
    gram = np.block([[gram, sums[:, None]], [sums[None], np.full((1, 1), count)]])
    cross = np.vstack([cross, target_sums])
    shares = np.maximum(target_sums, 0.5) / count
    gradient = np.outer(gram[-1], shares) - cross
    upper = np.triu_indices(len(gram))
    curvature = _pairs(shares[None])[0][:, None] * gram[upper]
    return shares, gradient, curvature


def _stepped(weights, gradient, curvature, strength):
    """Weights after a Newton step.

    Parameters
    ----------
    weights, gradient : ndarray of shape (d, n_classes)
    curvature : ndarray of shape (n_pairs, d (d + 1) / 2)
        Second moments of the rows, weighted by `_pairs` of their probabilities.
    strength : float
    """
    d, n_classes = weights.shape
    upper, lower = np.triu_indices(d), np.tril_indices(d, -1)
    blocks = np.zeros((n_classes, d, n_classes, d))
    for a, b, entries in zip(*np.triu_indices(n_classes, 1), curvature, strict=True):
        block = np.zeros((d, d))
        block[upper] = entries
        block[lower] = block.T[lower]
        blocks[a, :, b, :] -= block
        blocks[b, :, a, :] -= block
        blocks[a, :, a, :] += block
        blocks[b, :, b, :] += block
    penalty = np.full(d, 1.0 / strength)
    penalty[-1] = _LEAST_PENALTY
    system = blocks.reshape(n_classes * d, n_classes * d)
    system[np.diag_indices(len(system))] += np.tile(penalty, n_classes)
    slope = gradient + np.append(penalty[:-1], 0.0)[:, None] * weights
    with single_threaded_blas():
        try:
            step = solve(system, slope.T.ravel(), assume_a="pos", overwrite_a=True)
        except LinAlgError:
            raise ValueError(IMPOSSIBLE) from None
    return weights - step.reshape(n_classes, d).T
