"""Attacks with an oracle: the attacker has records of their choice encrypted.

No keyed deterministic encoding that is continuous can resist these entirely.
"""

from time import perf_counter

import numpy as np

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo.audit._result import check_rows
from sklearn_homeo.audit.known_plaintext._r2 import r2_outcome
from sklearn_homeo.audit.known_plaintext._regressions import ridge_attack

__all__ = ["chosen_plaintext_attack", "same_label_attack"]


def chosen_plaintext_attack(encrypt, X_known, X_target, *, step=1e-4, distance=1e-5):
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
    distance : float, default=1e-7
        How far from the centre the neighbours lie, in the same unit; their Jacobian
        is taken with steps a tenth of it, far above the lattice's 1.5e-8.

    Returns
    -------
    result : Bunch
        r2 : float
            Share of the targets' variance that is reconstructed.
        interval : tuple of (float, float)
            Bootstrap 95 % interval over the targets.
        chance : float
            0, the R2 of the mean.
        n : int
            Number of targets.
        direction : str
            How to read the figures.
        seconds : float
            Wall-clock time.
        queries : int
            Chosen records that were encrypted for `r2`.
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
    return r2_outcome(
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


def same_label_attack(
    encrypt, preserve, X_leak, X_target, *, label_error=0.0, random_state=None
):
    """Subtract the ciphertext of a record with the same preserved coordinates.

    Where masks depend on the preserved coordinates alone, a query with the target's
    preserved coordinates and nothing else carries the target's mask. The difference
    of the two ciphertexts is regressed on the records (ridge), learnt on leaked ones.

    Parameters
    ----------
    encrypt : callable
        Maps records of shape (n_samples, n_features) to ciphertexts.
    preserve : callable
        Maps records to their preserved coordinates, an affine function: those of an
        encryptor with ``hide_attributes=False``, or of more than two classes.
    X_leak : array-like of shape (n_leaked, n_features)
        Records that the attacker knows; more than features.
    X_target : array-like of shape (n_targets, n_features)
        Records to reconstruct from their ciphertexts.
    label_error : float, default=0.0
        Standard deviation of the attacker's error of the preserved coordinates of a
        target, in their own standard deviations. With 0 they are given away.
    random_state : int, RandomState instance or None, default=None
        Draws the errors and the validation rows.

    Returns
    -------
    result : Bunch
        As that of :func:`chosen_plaintext_attack`, of the part of a record that its
        preserved coordinates do not tell, without `local_r2`.

    Raises
    ------
    ValueError
        If there are fewer leaked records than features and two more, or widths
        differ.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.audit import same_label_attack
    >>> X = np.random.default_rng(0).normal(size=(300, 4))
    >>> def encrypt(X):
    ...     return np.hstack([X[:, :1], X[:, 1:] + 10 * np.sin(40 * X[:, :1])])
    >>> result = same_label_attack(
    ...     encrypt, lambda X: X[:, :1], X[:250], X[250:], random_state=0
    ... )
    >>> bool(result.r2 > 0.99)
    True
    """
    started = perf_counter()
    X_leak = check_rows(X_leak, "X_leak", np.shape(X_leak)[1] + 2)
    X_target = check_rows(X_target, "X_target")
    _check_widths(X_leak, X_target)
    rng = make_random_state(random_state)
    frame = _AffineFrame(preserve, X_leak)
    differences, rests = [], []
    for X in (X_leak, X_target):
        S = preserve(X)
        S = S + label_error * S.std(axis=0) * rng.normal(size=S.shape)
        differences.append(encrypt(X) - encrypt(frame.smallest(S)))
        rests.append(X - frame.smallest(preserve(X)))
    attack = ridge_attack(
        differences[0], rests[0], differences[1], rests[1], random_state=rng
    )
    return r2_outcome(
        "same label coordinates",
        rests[0],
        rests[1],
        attack.X_pred,
        0.0,
        started,
        queries=len(X_leak) + len(X_target),
    )


class _AffineFrame:
    """The preserved coordinates as an affine function, learnt from known records."""

    def __init__(self, preserve, X):
        self.mean, S = X.mean(axis=0), preserve(X)
        self.S_mean = S.mean(axis=0)
        self.scale = np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0)
        units = (X - self.mean) / self.scale
        self.inverse = np.linalg.pinv(
            np.linalg.lstsq(units, S - self.S_mean, rcond=None)[0]
        )

    def smallest(self, S):
        """Records of least norm with the given preserved coordinates."""
        return self.mean + (S - self.S_mean) @ self.inverse * self.scale


def _check_widths(known, target):
    if known.shape[1] != target.shape[1]:
        raise ValueError(
            f"known records have {known.shape[1]} columns, targets {target.shape[1]}"
        )
