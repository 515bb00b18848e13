"""Attack by records that differ from a target by as little as one likes."""

from collections.abc import Sequence
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.rows import check_real_array
from sklearn_homeo.audit._metrics import pooled_r2
from sklearn_homeo.audit._result import AttackResult, hit_result
from sklearn_homeo.audit.inside._cipher import CipherOnDemand
from sklearn_homeo.audit.known_plaintext._regressions import ridge_attack
from sklearn_homeo.ciphers.packing import RESIDUE_BITS
from sklearn_homeo.ciphers.view_cipher import ViewCipher
from sklearn_homeo.encryption._encryptor import HomeomorphicEncryptor

DISTANCES = (1e-9, 1e-6, 1e-3, 1e-1, 1.0)
_MODULUS = 1 << RESIDUE_BITS


def related_plaintext_attack(
    encryptor: HomeomorphicEncryptor | ViewCipher,
    X_known: ArrayLike,
    X_target: ArrayLike,
    *,
    distances: Sequence[float] = DISTANCES,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Rebuild and link targets by ciphertexts of records next to them.

    For every record, known or target, the attacker gets ciphertexts of records that
    differ from it in one column, in each column by each distance. He regresses
    the known records on the differences of residues, as he would to linearise a smooth
    cipher, and rebuilds the targets; and he links each neighbour's ciphertext to the
    target whose residues are nearest.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor or ViewCipher
        Fitted.
    X_known : array-like of shape (n_known, n_features)
        Records that the attacker learns from; at least 10.
    X_target : array-like of shape (n_targets, n_features)
        Records to rebuild and to link; at least 2 different ones.
    distances : sequence of float, default=(1e-9, 1e-6, 1e-3, 0.1, 1.0)
        Differences, in standard deviations of a column.
    random_state : int, RandomState instance or None, default=None
        Draws the regression's validation rows.

    Returns
    -------
    result : AttackResult
        Its rate is the share of neighbours that are linked to their target, its r2 what
        was rebuilt. Only residues are used, because the locks do not hide the view.
        Details:

        n_equal : int
            Neighbours that are the target on the lattice, less than half a step of
            2**-27 standard deviations away; they are not counted.
        rates : dict of float to float
            Linked, by distance.

    Raises
    ------
    ValueError
        If the encryptor has no locks, or there are too few records.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo import HomeomorphicEncryptor
    >>> from sklearn_homeo.audit import related_plaintext_attack
    >>> X = np.random.default_rng(0).normal(size=(300, 6))
    >>> encryptor = HomeomorphicEncryptor(n_preserved=1).fit(X)
    >>> result = related_plaintext_attack(encryptor, X[:200], X[200:], random_state=0)
    >>> bool(result.r2 < 0.1), bool(result.rate < 0.05)
    (True, True)
    """
    started = perf_counter()
    oracle = CipherOnDemand(encryptor)
    rng = make_random_state(random_state)
    X_known = check_real_array(X_known, dtype=np.float64, input_name="X_known")
    X_target = check_real_array(X_target, dtype=np.float64, input_name="X_target")
    scale = np.where(X_known.std(axis=0) > 0, X_known.std(axis=0), 1.0)
    n_targets, n_features = X_target.shape
    own, own_known = (oracle.encrypt_records(X)[1] for X in (X_target, X_known))
    integers = oracle.round(X_target)
    differences: dict[str, list] = {"known": [], "target": []}
    hits, n_queries, n_equal, rates = 0, 0, 0, {}
    for distance in distances:
        found = asked = 0
        for column in range(n_features):
            step = np.zeros(n_features)
            step[column] = distance * scale[column]
            near = oracle.encrypt_records(X_target + step)[1]
            differs = (oracle.round(X_target + step) != integers).any(axis=1)
            found += _count_linked(near, own, differs)
            asked += int(differs.sum())
            differences["target"].append(near - own)
            known = oracle.encrypt_records(X_known + step)[1]
            differences["known"].append(known - own_known)
        rates[float(distance)] = found / asked if asked else np.nan
        hits += found
        n_queries += asked
        n_equal += n_targets * n_features - asked
    known, target = (_signed(np.hstack(side)) for side in differences.values())
    rebuilt = ridge_attack(known, X_known, target, X_target, random_state=rng)
    return hit_result(
        "related plaintexts",
        hits,
        n_queries,
        1 / n_targets,
        started,
        r2=pooled_r2(X_target, rebuilt.X_pred, X_known.mean(axis=0), scale),
        n_equal=n_equal,
        rates=rates,
    )


def _signed(differences):
    """Differences modulo 2**47 as the nearest to zero, in [-0.5, 0.5)."""
    return ((differences + _MODULUS // 2) % _MODULUS) / _MODULUS - 0.5


def _count_linked(near, own, counted):
    """How many rows are nearest to their own, around the circle in every column."""
    hits = 0
    for i in np.flatnonzero(counted):
        distances = np.abs(_signed(near[i] - own)).sum(axis=1)
        hits += int(distances.argmin() == i)
    return hits
