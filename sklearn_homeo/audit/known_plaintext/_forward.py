"""Linkage by forward regression: predict the ciphertext of every candidate record.

A cipher may hide almost everything of a record and still leave a few functions of it
nearly exact. A reconstruction of the whole record drowns these in what it does not
know; predicting ciphertexts from candidates finds them.
"""

from math import comb
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer

from sklearn_homeo._utils.validation import validate_params
from sklearn_homeo.audit._metrics import own_ranks
from sklearn_homeo.audit._registry import register
from sklearn_homeo.audit._result import AttackResult
from sklearn_homeo.audit.known_plaintext._pairs import LeakedPairs
from sklearn_homeo.audit.known_plaintext._ridge import PENALTIES, LeftOutRidge

# Validation R2 from which on a direction of the ciphertexts counts as predictable.
_MIN_R2 = 0.05
_MIN_EVIDENCE = 10
_MAX_DIRECTIONS = 64
_ROUND_OFF = 1e-10
# Products of directions must not come near the pairs in number.
_PAIRS_PER_TERM = 8
_KNOTS = 8
_ROUNDS = 5
_SHRINKAGE = 1e-3


@register("T4", "forward ridge", quick={}, in_curve=True)
@validate_params({"random_state": ["random_state"]}, prefer_skip_nested_validation=True)
def forward_linkage_attack(
    Z_leak: ArrayLike,
    X_leak: ArrayLike,
    Z_target: ArrayLike,
    X_target: ArrayLike,
    *,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Tell which candidate record a ciphertext is of, by predicting ciphertexts.

    It is a ridge regression of the ciphertexts on the records, along the ciphertexts'
    principal axes or along canonical directions (those that left-out records predict
    best, however small). Splines and products straighten it, since ciphers bend what
    they keep. Only directions whose prediction
    validation pairs confirm count; in them, a candidate is the better the nearer
    its predicted ciphertext is, by the Mahalanobis distance of the left-out
    residuals. The kind of axes is chosen on validation pairs; then everything is
    fitted to all leaked pairs.

    Parameters
    ----------
    Z_leak : array-like of shape (n_leaked, n_outputs)
        Ciphertexts whose records leaked; at least 10 rows.
    X_leak : array-like of shape (n_leaked, n_features)
        These records, row by row, in any units.
    Z_target : array-like of shape (n_targets, n_outputs)
        Ciphertexts to attack; at least 2 rows.
    X_target : array-like of shape (n_targets, n_features)
        The candidates: the targets' records, row by row. The order is used for the
        score only.
    random_state : int, RandomState instance or None, default=None
        Draws the validation rows (a fifth of the leaked ones).

    Returns
    -------
    result : AttackResult
        Its rate is the share of targets whose best candidate is their own record;
        records with copies count by any copy. Its validation is the mean reciprocal
        rank of the validation pairs. Its choice is the kind of axes and the number of
        predictable directions: 0 means that blind guessing is all that is left.
        Details: `median_rank`.

    Raises
    ------
    ValueError
        As :func:`sklearn_homeo.audit.ridge_attack`.

    Examples
    --------
    One exact number among noise gives records away, although ridge regression of
    the records finds next to nothing:

    >>> import numpy as np
    >>> from sklearn_homeo.audit import forward_linkage_attack
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 20))
    >>> Z = rng.normal(size=(500, 20))
    >>> Z[:, 0] = X @ rng.normal(size=20)
    >>> Z = Z @ np.linalg.qr(rng.normal(size=(20, 20)))[0]
    >>> result = forward_linkage_attack(
    ...     Z[:400], X[:400], Z[400:], X[400:], random_state=0
    ... )
    >>> bool(result.rate > 0.8), result.chance
    (True, 0.01)
    """
    started = perf_counter()
    pairs = LeakedPairs(Z_leak, X_leak, Z_target, X_target, random_state)
    best: tuple = ()
    best_score: tuple = ()
    train = LeftOutRidge(pairs.X[pairs.train])
    for kind, axes in _directions(pairs.Z_raw[pairs.train], train).items():
        axes, ranks = _confirmed(axes, pairs, train)
        score = np.mean(ranks == 1), -np.mean(np.log(ranks))
        if score > best_score:
            best, best_score = (kind, axes, ranks), score
    kind, axes, validation_ranks = best
    ranks = None
    if axes.shape[1]:
        model = _Forward(axes, pairs.Z_raw, LeftOutRidge(pairs.X))
        ranks = model.ranks(pairs.Z_raw_target, pairs.X_target)
    choice = {"axes": kind, "n_directions": axes.shape[1]}
    return pairs.linked("forward ridge", ranks, validation_ranks, choice, started)


def _directions(Z, regression):
    """Axes of the ciphertexts on which to try to predict them, by name.

    The leading principal ones, and those of the whitened ciphertexts that left-out
    records predict best.
    """
    Z = Z - Z.mean(axis=0)
    axes, sizes = _axes_and_sizes(Z)
    whitener = axes / sizes
    canonical = whitener @ _most_predictable(Z @ whitener, regression)
    return {
        "principal": axes[:, :_MAX_DIRECTIONS],
        "canonical": canonical[:, :_MAX_DIRECTIONS],
    }


def _most_predictable(T, regression):
    best, vectors = -np.inf, None
    for penalty in PENALTIES:
        agreement = regression.predict(T, penalty).T @ T / len(T)
        values, found = np.linalg.eigh((agreement + agreement.T) / 2)
        gain = np.maximum(values, 0).sum()
        if gain > best:
            best, vectors = gain, found
    return vectors[:, ::-1]


def _axes_and_sizes(centred):
    _, values, right = np.linalg.svd(centred, full_matrices=False)
    kept = values > _ROUND_OFF * max(values[0], np.finfo(float).tiny)
    return right[kept].T, values[kept] / np.sqrt(len(centred))


def _confirmed(axes, pairs, train):
    """Axes that validation pairs confirm, and these pairs' ranks by them."""
    Z, X = pairs.Z_raw[pairs.validation], pairs.X[pairs.validation]
    nothing = np.full(len(Z), (len(Z) + 1) / 2)
    if axes.shape[1] == 0:
        return axes, nothing
    model = _Forward(axes, pairs.Z_raw[pairs.train], train)
    T = model.reveal(Z)
    total = np.maximum(T.var(axis=0), np.finfo(float).tiny)
    # With few pairs, some of many axes would seem predictable by chance.
    least = max(_MIN_R2, _MIN_EVIDENCE / len(Z))
    kept = 1 - ((T - model.predict(X)) ** 2).mean(axis=0) / total > least
    if not kept.any():
        return axes[:, :0], nothing
    axes = axes[:, kept]
    model = _Forward(axes, pairs.Z_raw[pairs.train], train)
    return axes, model.ranks(Z, X)


class _Forward:
    """Ciphertexts along given axes, straightened, and records that predict them."""

    def __init__(self, axes, Z, regression):
        self._axes, self._centre = axes, Z.mean(axis=0)
        T = (Z - self._centre) @ axes
        self._X_mean = regression.mean
        self._straighten = _Straightener(T)
        Y = self._straighten(T)
        predicted, self._weights, _ = regression.best(Y)
        for _ in range(_ROUNDS if self._straighten.curved else 0):
            self._straighten.fit(T, predicted)
            Y = self._straighten(T)
            predicted, self._weights, _ = regression.best(Y)
        self._whitener = _residual_axes(Y - predicted)

    def reveal(self, Z):
        return self._straighten((Z - self._centre) @ self._axes)

    def predict(self, X):
        return (X - self._X_mean) @ self._weights

    def ranks(self, Z, X):
        """Place of each ciphertext's own record among the candidates."""
        T, predicted = self.reveal(Z), self.predict(X)
        return own_ranks(T @ self._whitener, predicted @ self._whitener, X)


def _residual_axes(residuals):
    """Matrix after which residuals are uncorrelated and of unit size."""
    size = np.maximum(np.sqrt((residuals**2).mean(axis=0)), np.finfo(float).tiny)
    scaled = residuals / size
    correlation = scaled.T @ scaled / len(scaled)
    correlation[np.diag_indices_from(correlation)] += _SHRINKAGE
    values, vectors = np.linalg.eigh(correlation)
    return vectors / np.sqrt(np.maximum(values, _SHRINKAGE)) / size[:, None]


class _Straightener:
    """Map of the ciphertexts after which records predict them linearly.

    Products up to degree three and a spline of each direction, as far as there are
    pairs enough, fitted to what the records predict: alternating conditional
    expectations (Breiman, Friedman 1985). Just standardised until `fit`.
    """

    def __init__(self, T):
        n_pairs, n_axes = T.shape
        self._size = np.maximum(T.std(axis=0), np.finfo(float).tiny)
        self._mean = T.mean(axis=0) / self._size
        most = n_pairs / _PAIRS_PER_TERM - n_axes * _KNOTS
        degree = max([0, *(d for d in (1, 2, 3) if comb(n_axes + d, d) < most)])
        self.curved = degree > 0
        if self.curved:
            self._products = PolynomialFeatures(degree, include_bias=False)
            spline = SplineTransformer(_KNOTS, knots="quantile", extrapolation="linear")
            self._spline = spline.fit(self._limited(T))
        self._weights = None

    def _limited(self, T):
        # Powers of an outlier would be predictions of nothing.
        return np.clip(T / self._size - self._mean, -8, 8)

    def _expand(self, T):
        T = self._limited(T)
        return np.hstack([self._products.fit_transform(T), self._spline.transform(T)])

    def fit(self, T, wanted):
        terms = self._expand(T)
        self._centre = terms.mean(axis=0)
        terms = terms - self._centre
        gram = terms.T @ terms
        gram[np.diag_indices_from(gram)] += 1e-9 * np.trace(gram)
        weights = np.linalg.solve(gram, terms.T @ wanted)
        # Uncorrelated and of unit size, or all columns would turn into the best one.
        values, vectors = np.linalg.eigh(np.atleast_2d(np.cov((terms @ weights).T)))
        values = np.maximum(values, 1e-12 * max(values[-1], np.finfo(float).tiny))
        self._weights = weights @ (vectors / np.sqrt(values)) @ vectors.T

    def __call__(self, T):
        if self._weights is None:
            return T / self._size - self._mean
        return (self._expand(T) - self._centre) @ self._weights
