"""Known-plaintext attacks: regress the records on their ciphertexts.

The attacker holds leaked pairs of records and ciphertexts, learns the decryption from
them, and applies it to ciphertexts whose records did not leak.
"""

from numbers import Integral
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.metrics.pairwise import euclidean_distances

from sklearn_homeo._utils.validation import Interval, validate_params
from sklearn_homeo.audit._registry import register
from sklearn_homeo.audit._result import AttackResult
from sklearn_homeo.audit.known_plaintext._pairs import MIN_LEAKED, LeakedPairs
from sklearn_homeo.audit.known_plaintext._ridge import (
    Spectrum,
    fit_predict,
    kernel_weights,
    median_off_diagonal,
    rbf,
)

_RIDGE_PENALTIES = tuple(10.0**power for power in range(-12, 3))
_KERNEL_PENALTIES = (1e-8, 1e-6, 1e-4, 1e-2, 1.0)
_KERNEL_WIDTHS = (0.05, 0.3, 2.0)

_RANDOM_STATE = {"random_state": ["random_state"]}
_MAX_ROWS = {"max_rows": [Interval(Integral, MIN_LEAKED, None, closed="left")]}


@register("T4", "ridge", quick={}, in_curve=True)
@validate_params(_RANDOM_STATE, prefer_skip_nested_validation=True)
def ridge_attack(
    Z_leak: ArrayLike,
    X_leak: ArrayLike,
    Z_target: ArrayLike,
    X_target: ArrayLike,
    *,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Reconstruct records by ridge regression on their ciphertexts.

    Fifteen penalties, one a decade from 1e-12 to 100 relative to the greatest
    squared singular value, each on standardised and on PCA-whitened ciphertexts;
    chosen on validation, then refitted on all leaked pairs. The range is wide and
    both views are tried because a cipher that merely scales some directions down
    hides them from a badly conditioned attacker only.

    Parameters
    ----------
    Z_leak : array-like of shape (n_leaked, n_outputs)
        Ciphertexts whose records leaked; at least 10 rows.
    X_leak : array-like of shape (n_leaked, n_features)
        These records, row by row, in any units.
    Z_target : array-like of shape (n_targets, n_outputs)
        Ciphertexts to attack; at least 2 rows.
    X_target : array-like of shape (n_targets, n_features)
        Their records, used for the score only.
    random_state : int, RandomState instance or None, default=None
        Draws the validation rows (a fifth of the leaked ones).

    Returns
    -------
    result : AttackResult
        Its rate is that of :func:`sklearn_homeo.audit.reidentification`. Its r2 is
        pooled over the columns, standardised by the leaked records; columns that are
        constant among these are left out. Its validation is the mean reciprocal rank of
        the validation rows, its choice the view and the penalty. Details:

        X_pred : ndarray of shape (n_targets, n_features), dtype float64
            Reconstructed targets in the units of `X_leak`.
        validation_r2 : float
            Pooled R2 on the validation rows, on which the choice was made.
        distance : {"euclidean", "mahalanobis"}
            Distance by which records were matched; `rates` has both rates.
        median_rank : float
            Median place of the own record among the targets.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, there are too few rows, or every
        leaked record is the same.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import ridge_attack
    >>> rng = np.random.default_rng(0)
    >>> X, key = rng.normal(size=(200, 5)), rng.normal(size=(5, 5))
    >>> Z = X @ key
    >>> result = ridge_attack(Z[:150], X[:150], Z[150:], X[150:], random_state=0)
    >>> print(f"{result.r2:.3f} {result.rate:.2f}")
    1.000 1.00
    """
    started = perf_counter()
    pairs = LeakedPairs(Z_leak, X_leak, Z_target, X_target, random_state)
    spectrum = Spectrum(pairs.Z[pairs.train], pairs.X[pairs.train])
    candidates = [
        {"view": view, "penalty": penalty}
        for view in ("standardised", "whitened")
        for penalty in _RIDGE_PENALTIES
    ]
    known = pairs.Z[pairs.validation]
    choice = max(
        candidates,
        key=lambda c: pairs.validation_r2(spectrum.predict(known, **c)),
    )
    return pairs.rebuilt(
        "ridge",
        spectrum.predict(known, **choice),
        Spectrum(pairs.Z, pairs.X).predict(pairs.Z_target, **choice),
        choice,
        started,
    )


@register("T4", "kernel ridge")
@validate_params(_RANDOM_STATE | _MAX_ROWS, prefer_skip_nested_validation=True)
def kernel_ridge_attack(
    Z_leak: ArrayLike,
    X_leak: ArrayLike,
    Z_target: ArrayLike,
    X_target: ArrayLike,
    *,
    max_rows: int = 3000,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Reconstruct records by kernel ridge regression on their ciphertexts.

    RBF kernels of three widths (relative to the median squared distance) and five
    penalties, each on standardised and on PCA-whitened ciphertexts; chosen on
    validation, then refitted on all leaked pairs, or on `max_rows` of them.

    Parameters
    ----------
    Z_leak, X_leak, Z_target, X_target : array-like
        As in :func:`ridge_attack`.
    max_rows : int, default=3000
        Most leaked pairs to use: time grows with their cube.
    random_state : int, RandomState instance or None, default=None
        Draws the validation rows and the subsample.

    Returns
    -------
    result : AttackResult
        As that of :func:`ridge_attack`; `choice` holds the view, the width and the
        penalty.

    Raises
    ------
    ValueError
        As :func:`ridge_attack`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import kernel_ridge_attack
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> Z = np.tanh(X)
    >>> result = kernel_ridge_attack(Z[:250], X[:250], Z[250:], X[250:], random_state=0)
    >>> bool(result.r2 > 0.9)
    True
    """
    started = perf_counter()
    pairs = LeakedPairs(Z_leak, X_leak, Z_target, X_target, random_state, max_rows)
    train, validation = pairs.train, pairs.validation
    best: tuple = ()
    best_r2 = -np.inf
    for view, (Z, Z_target) in pairs.views().items():
        distances = euclidean_distances(Z, squared=True)
        for width in _KERNEL_WIDTHS:
            gamma = width / median_off_diagonal(distances)
            kernel = np.exp(-gamma * distances)
            for penalty in _KERNEL_PENALTIES:
                weights = kernel_weights(
                    kernel[np.ix_(train, train)], pairs.X[train], penalty
                )
                predicted = kernel[np.ix_(validation, train)] @ weights
                r2 = pairs.validation_r2(predicted)
                if r2 > best_r2:
                    choice = {"view": view, "width": width, "penalty": penalty}
                    best_r2, best = r2, (choice, gamma, Z, Z_target, predicted)
    choice, gamma, Z, Z_target, predicted = best
    weights = kernel_weights(rbf(Z, Z, gamma), pairs.X, choice["penalty"])
    X_pred = rbf(Z_target, Z, gamma) @ weights
    return pairs.rebuilt("kernel ridge", predicted, X_pred, choice, started)


# Trees of hundreds of outputs take hours and find less than ridge regression.
@register("T4", "extra trees", max_features=100)
@validate_params(
    _RANDOM_STATE
    | _MAX_ROWS
    | {
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
    },
    prefer_skip_nested_validation=True,
)
def extra_trees_attack(
    Z_leak: ArrayLike,
    X_leak: ArrayLike,
    Z_target: ArrayLike,
    X_target: ArrayLike,
    *,
    n_estimators: int = 200,
    max_rows: int = 3000,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Reconstruct records by extremely randomised trees on their ciphertexts.

    The trees see the standardised and the PCA-whitened ciphertexts side by side, as
    splits follow axes and a cipher may have turned the axes away.

    Parameters
    ----------
    Z_leak, X_leak, Z_target, X_target : array-like
        As in :func:`ridge_attack`.
    n_estimators : int, default=200
        Number of trees.
    max_rows : int, default=3000
        Most leaked pairs to use.
    n_jobs : int or None, default=None
        Trees grown at once; -1 means all processors. Does not change the result.
    random_state : int, RandomState instance or None, default=None
        Draws the validation rows, the subsample and the trees.

    Returns
    -------
    result : AttackResult
        As that of :func:`ridge_attack`; `choice` is empty.

    Raises
    ------
    ValueError
        As :func:`ridge_attack`.

    References
    ----------
    Geurts, Ernst, Wehenkel, "Extremely randomized trees", Machine Learning 63
    (2006) 3-42.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import extra_trees_attack
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> Z = np.tanh(X)
    >>> result = extra_trees_attack(
    ...     Z[:250], X[:250], Z[250:], X[250:], n_estimators=30, random_state=0
    ... )
    >>> bool(result.r2 > 0.8)
    True
    """
    started = perf_counter()
    pairs = LeakedPairs(Z_leak, X_leak, Z_target, X_target, random_state, max_rows)
    views = pairs.views().values()
    Z, Z_target = (np.hstack(side) for side in zip(*views, strict=True))
    # A third of the columns a split, as is usual for regression, and leaves of three
    # rows: ciphertexts are noisy inputs, and whole columns would cost thrice the time.
    trees = ExtraTreesRegressor(
        n_estimators,
        min_samples_leaf=3,
        max_features=1 / 3,
        n_jobs=n_jobs,
        random_state=pairs.random_state.randint(2**31 - 1),
    )
    predicted = fit_predict(
        trees, Z[pairs.train], pairs.X[pairs.train], Z[pairs.validation]
    )
    X_pred = fit_predict(trees, Z, pairs.X, Z_target)
    return pairs.rebuilt("extra trees", predicted, X_pred, {}, started)
