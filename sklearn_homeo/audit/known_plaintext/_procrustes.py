"""The attack on rotations: few pairs are enough for an orthogonal map."""

from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import orthogonal_procrustes

from sklearn_homeo._utils.validation import validate_params
from sklearn_homeo.audit._registry import register
from sklearn_homeo.audit._result import AttackResult
from sklearn_homeo.audit.known_plaintext._pairs import LeakedPairs


@register("T4", "Procrustes", in_curve=True)
@validate_params({"random_state": ["random_state"]}, prefer_skip_nested_validation=True)
def procrustes_attack(
    Z_leak: ArrayLike,
    X_leak: ArrayLike,
    Z_target: ArrayLike,
    X_target: ArrayLike,
    *,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Reconstruct records by the best rotation and scale of their ciphertexts.

    An orthogonal map has half as many unknowns as a linear one, and fewer pairs than
    columns tell it on the span of these pairs. Tried on the records as they are and
    on the standardised ones, as a cipher may rotate either; chosen on validation.

    Parameters
    ----------
    Z_leak, X_leak, Z_target, X_target : array-like
        As in :func:`sklearn_homeo.audit.ridge_attack`.
    random_state : int, RandomState instance or None, default=None
        Draws the validation rows.

    Returns
    -------
    result : AttackResult
        As that of :func:`sklearn_homeo.audit.ridge_attack`; `choice` holds the units
        of the records.

    Raises
    ------
    ValueError
        As :func:`sklearn_homeo.audit.ridge_attack`.

    References
    ----------
    Schoenemann, "A generalized solution of the orthogonal Procrustes problem",
    Psychometrika 31 (1966) 1-10.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import procrustes_attack
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 5)) * [9, 3, 1, 1, 1]
    >>> Z = X @ np.linalg.qr(rng.normal(size=(5, 5)))[0]
    >>> result = procrustes_attack(Z[:30], X[:30], Z[30:], X[30:], random_state=0)
    >>> print(f"{result.r2:.3f}")
    1.000
    """
    started = perf_counter()
    pairs = LeakedPairs(Z_leak, X_leak, Z_target, X_target, random_state)
    best: tuple = ()
    best_r2 = -np.inf
    for units, scale in {"standardised": 1.0, "own": pairs.unit_scale}.items():
        Z, X = pairs.Z_raw, pairs.X * scale
        fitted = _fit(Z[pairs.train], X[pairs.train])
        predicted = fitted(Z[pairs.validation]) / scale
        r2 = pairs.validation_r2(predicted)
        if not best or r2 > best_r2:
            target = _fit(Z, X)(pairs.Z_raw_target) / scale
            best_r2, best = r2, (predicted, target, {"units": units})
    predicted, target, choice = best
    return pairs.rebuilt("Procrustes", predicted, target, choice, started)


def _fit(Z, X):
    Z_mean, X_mean = Z.mean(axis=0), X.mean(axis=0)
    A, B = Z - Z_mean, X - X_mean
    width = max(A.shape[1], B.shape[1])
    A_wide, B_wide = (
        np.pad(side, ((0, 0), (0, width - side.shape[1]))) for side in (A, B)
    )
    rotation, overlap = orthogonal_procrustes(A_wide, B_wide)
    rotation = rotation[: A.shape[1], : B.shape[1]]
    scale = overlap / max((A**2).sum(), np.finfo(float).tiny)
    return lambda rows: scale * (rows - Z_mean) @ rotation + X_mean
