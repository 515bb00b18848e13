"""Attacks with an oracle: the attacker has records of their choice encrypted.

No keyed deterministic encoding that is continuous can resist these entirely.
"""

from collections.abc import Callable
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike

from sklearn_homeo.audit._checks import check_rows
from sklearn_homeo.audit._result import AttackResult, r2_result


def chosen_plaintext_attack(
    encrypt: Callable[[np.ndarray], np.ndarray],
    X_known: ArrayLike,
    X_target: ArrayLike,
    *,
    step: float = 1e-4,
    distance: float = 1e-5,
) -> AttackResult:
    """Linearise the cipher by as many queries as features and one more.

    One query at the mean of the known records and one a step along each feature give
    the Jacobian there; its pseudo-inverse decrypts. Linear ciphers fall everywhere,
    and nearly linear ones nearly everywhere. Any continuous cipher falls close to
    the query, so that this is measured too: whether an attacker who may query near a
    record of their choice decrypts its neighbours.

    Parameters
    ----------
    encrypt : callable
        Maps records of shape (n_samples, n_features) to ciphertexts.
    X_known : array-like of shape (n_known, n_features)
        Records by whose mean and standard deviation queries are chosen.
    X_target : array-like of shape (n_targets, n_features)
        Records to reconstruct from their ciphertexts.
    step : float, default=1e-4
        Length of the queries' steps, in standard deviations of a feature.
    distance : float, default=1e-5
        How far from the centre the neighbours lie, in the same unit; their Jacobian
        is taken with steps a tenth of it, far above the lattice's 1.5e-8.

    Returns
    -------
    result : AttackResult
        Its rate is the share of the targets' variance that is reconstructed. Details:

        queries : int
            Chosen records that were encrypted for that.
        local_r2 : float
            The same share for 50 records at `distance` from the centre.

    Raises
    ------
    ValueError
        If there are fewer than 2 known records or targets, or widths differ.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import chosen_plaintext_attack
    >>> rng = np.random.default_rng(0)
    >>> X, key = rng.normal(size=(60, 5)), rng.normal(size=(5, 5))
    >>> result = chosen_plaintext_attack(lambda X: X @ key, X[:50], X[50:])
    >>> f"{result.r2:.3f} after {result.queries} queries"
    '1.000 after 6 queries'
    """
    started = perf_counter()
    X_known = check_rows(X_known, "X_known")
    X_target = check_rows(X_target, "X_target")
    _check_widths(X_known, X_target)
    scale = X_known.std(axis=0)
    scale[scale == 0] = 1.0
    centre = X_known.mean(axis=0)
    decrypt = _linearised(encrypt, centre, step * scale)
    guess = decrypt(encrypt(X_target))
    steps = np.random.default_rng(0).normal(size=(50, len(centre)))
    near = centre + distance * scale * steps
    local = _linearised(encrypt, centre, distance / 10 * scale)(encrypt(near))
    errors, size = (local - near) / scale, (near - centre) / scale
    return r2_result(
        "chosen plaintexts",
        X_known,
        X_target,
        guess,
        0.0,
        started,
        queries=len(centre) + 1,
        local_r2=float(1 - (errors**2).sum() / (size**2).sum()),
    )


def _linearised(encrypt, centre, steps):
    """Inverse of the cipher's linear approximation at a point."""
    answers = encrypt(np.vstack([centre, centre + np.diag(steps)]))
    jacobian = (answers[1:] - answers[0]) / steps[:, None]
    inverse = np.linalg.pinv(jacobian)
    return lambda Z: centre + (Z - answers[0]) @ inverse


def _check_widths(known, target):
    if known.shape[1] != target.shape[1]:
        raise ValueError(
            f"known records have {known.shape[1]} columns, targets {target.shape[1]}"
        )
