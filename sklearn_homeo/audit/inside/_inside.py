"""Attacks with frame and seal given away, so that only the locks are left."""

from time import perf_counter

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_homeo.audit.known_plaintext._r2 import r2_outcome
from sklearn_homeo.audit.known_plaintext._regressions import (
    kernel_ridge_attack,
    ridge_attack,
)
from sklearn_homeo.ciphers.composition import LatticeCipher
from sklearn_homeo.ciphers.waves import GRID

__all__ = ["inside_attack", "lattice_cipher", "locked_pairs"]

_REGRESSIONS = {"ridge": ridge_attack, "kernel ridge": kernel_ridge_attack}


def locked_pairs(encryptor, X):
    """Undo frame and seal of ciphertexts by the key holder's own objects.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
        Fitted, with ``cipher="coupling"`` and something masked.
    X : array-like of shape (n_samples, n_features)
        Records.

    Returns
    -------
    before, after : ndarray of shape (n_samples, n_features), dtype float64
        Lattice integers that enter and leave the locks, preserved coordinates
        first; ``2**26`` is one standard deviation.

    Raises
    ------
    ValueError
        If the encryptor has no locks on a lattice.
    """
    cipher = lattice_cipher(encryptor)
    Z = encryptor.transform(X)
    before = cipher.frame.forward(np.asarray(X, dtype=np.float64))
    return before, np.round(cipher._open(Z))


def lattice_cipher(encryptor):
    """The cipher of a fitted encryptor; ValueError if it has no coupling locks."""
    check_is_fitted(encryptor)
    cipher = encryptor._cipher
    if not isinstance(cipher, LatticeCipher) or not cipher.locks:
        raise ValueError(
            'this attack needs cipher="coupling" with some directions masked, but '
            "this encryptor has no coupling locks"
        )
    return cipher


def inside_attack(encryptor, X_leak, X_target, *, random_state=None):
    """Regress the masked complement on what leaves the locks.

    The attacker holds the frame and the seal, which is the strongest case short of
    the locks' own keys: keyed rotations, shrinkage and the smooth lock no longer
    hide anything. Ridge and kernel ridge regression, each on standardised and on
    PCA-whitened inputs; the better of the two on the targets is reported.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
        Fitted, with ``cipher="coupling"``.
    X_leak : array-like of shape (n_leaked, n_features)
        Records that the attacker knows; at least 10.
    X_target : array-like of shape (n_targets, n_features)
        Records to reconstruct from their ciphertexts; at least 2.
    random_state : int, RandomState instance or None, default=None
        Draws the validation rows.

    Returns
    -------
    result : Bunch
        r2 : float
            Share of the whitened complement's variance that is reconstructed.
        interval : tuple of (float, float)
            Bootstrap 95 % interval over the targets.
        chance : float
            R2 of the same regressions on the preserved coordinates alone: what no
            mask can hide.
        n : int
            Number of targets.
        direction : str
            How to read the figures.
        seconds : float
            Wall-clock time.
        attack : str
            The regression that did best.

    Raises
    ------
    ValueError
        If the encryptor has no coupling locks, or there are too few rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo import HomeomorphicEncryptor
    >>> from sklearn_homeo.audit import inside_attack
    >>> X = np.random.default_rng(0).normal(size=(600, 12))
    >>> encryptor = HomeomorphicEncryptor(n_preserved=1).fit(X)
    >>> result = inside_attack(encryptor, X[:500], X[500:], random_state=0)
    >>> bool(result.r2 < 0.1)
    True
    """
    started = perf_counter()
    known, leaked = (rows / GRID for rows in locked_pairs(encryptor, X_leak))
    hidden, target = (rows / GRID for rows in locked_pairs(encryptor, X_target))
    k = encryptor.n_preserved_
    attempts = {
        (name, view): attack(
            leaked[:, :width],
            known[:, k:],
            target[:, :width],
            hidden[:, k:],
            random_state=random_state,
        )
        for name, attack in _REGRESSIONS.items()
        for view, width in (("all", None), ("preserved", k))
    }
    chance = max(attempts[name, "preserved"].r2 for name in _REGRESSIONS)
    best = max(_REGRESSIONS, key=lambda name: attempts[name, "all"].r2)
    return r2_outcome(
        "frame and seal given away",
        known[:, k:],
        hidden[:, k:],
        attempts[best, "all"].X_pred,
        max(chance, 0.0),
        started,
        attack=best,
    )
