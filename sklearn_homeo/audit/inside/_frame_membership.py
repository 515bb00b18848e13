"""Membership in the rows that an encryptor was fitted to, from the encryptor alone."""

from time import perf_counter

import numpy as np

from sklearn_homeo.audit._result import check_rows
from sklearn_homeo.audit.inside._inside import lattice_cipher
from sklearn_homeo.audit.membership._scores import membership_outcome
from sklearn_homeo.ciphers.waves import GRID

__all__ = ["frame_membership_attack"]


def frame_membership_attack(encryptor, X_member, X_non_member):
    """Tell the rows that an encryptor was fitted to, by its frame.

    The attacker holds the fitted encryptor, as in a stolen pickle, and no ciphertext.
    Whatever is fitted, fits its own rows: directions of little variance among them
    have more of it elsewhere, so that they are shorter after whitening than others
    are, and they lie farther on their own side of the label's directions. The better
    of these two scores is reported.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
        Fitted, with ``cipher="coupling"`` and something masked.
    X_member : array-like of shape (n_members, n_features)
        Candidates that it was fitted to; at least 2 rows.
    X_non_member : array-like of shape (n_non_members, n_features)
        Candidates of the same distribution that it was not; at least 2 rows.

    Returns
    -------
    result : Bunch
        As that of :func:`nearest_neighbour_attack`; `choice` is "masked" or
        "preserved" coordinates.

    Raises
    ------
    ValueError
        If the encryptor has no coupling locks, or there are too few rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo import HomeomorphicEncryptor
    >>> from sklearn_homeo.audit import frame_membership_attack
    >>> X = np.random.default_rng(0).normal(size=(2000, 50))
    >>> encryptor = HomeomorphicEncryptor().fit(X[:1000], X[:1000, 0] > 0)
    >>> bool(frame_membership_attack(encryptor, X[:1000], X[1000:]).auc < 0.6)
    True
    """
    started = perf_counter()
    frame, k = lattice_cipher(encryptor).frame, encryptor.n_preserved_
    rows = (check_rows(X_member, "X_member"), check_rows(X_non_member, "X_non_member"))
    members, others = (frame.forward(X) / GRID for X in rows)
    scores = {
        "masked": [-np.square(y[:, k:]).sum(axis=1) for y in (members, others)],
        "preserved": [np.square(y[:, :k]).sum(axis=1) for y in (members, others)],
    }
    found = [
        membership_outcome("frame", *pair, choice, started)
        for choice, pair in scores.items()
    ]
    return max(found, key=lambda one: one.auc)
