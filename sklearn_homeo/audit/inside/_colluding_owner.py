"""Attack by an owner of rows who sees what other owners gave to the service."""

from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist
from sklearn.utils import gen_batches

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.rows import check_real_array
from sklearn_homeo._utils.validation import check_fitted
from sklearn_homeo.audit._result import AttackResult, hit_result
from sklearn_homeo.ciphers.base import Workspace
from sklearn_homeo.ciphers.packing import RESIDUE_BITS, UNIT, views_of
from sklearn_homeo.encryption._building import build_cipher
from sklearn_homeo.encryption._encryptor import HomeomorphicEncryptor
from sklearn_homeo.encryption.label_space.joined import parts_of

_CHUNK_ROWS = 512


def colluding_owner_attack(
    encryptor: HomeomorphicEncryptor,
    Z: ArrayLike,
    X: ArrayLike,
    *,
    random_state: int | np.random.RandomState | None = None,
) -> AttackResult:
    """Link another owner's ciphertexts to candidates, by the view that all have.

    The attacker has an encryptor of `HomeomorphicEncryptor.for_owner`, so he knows the
    map of the view, and the service shows him the ciphertexts of another owner. He
    works out the view of every candidate, without noise, and takes the candidate whose
    view is nearest, one of them at random if several are.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
        The attacker's.
    Z : array-like of shape (n_targets, n_features_out)
        Ciphertexts of another owner, under the same view.
    X : array-like of shape (n_targets, n_features)
        The candidates: the targets' records, row by row. The order is used for the
        score only.
    random_state : int, RandomState instance or None, default=None
        Decides between candidates that are equally near.

    Returns
    -------
    result : AttackResult
        Its rate is the share of ciphertexts that are linked to their record. Details:

        bound : float
            The certificate's rate for one target: computed at "cells", which no
            attacker exceeds in expectation, and estimated at "scores".
        n_decrypted : int
            Ciphertexts that the attacker's encryptor accepts.

    Raises
    ------
    ValueError
        If the encryptor has ``leakage="space"``, or shapes differ.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_homeo import HomeomorphicEncryptor
    >>> from sklearn_homeo.audit import colluding_owner_attack
    >>> X, y = load_wine(return_X_y=True)
    >>> encryptor = HomeomorphicEncryptor(leakage="cells", n_cells=6).fit(X, y)
    >>> north, south = encryptor.for_owner("north"), encryptor.for_owner("south")
    >>> Z = north.transform(X)
    >>> result = colluding_owner_attack(south, Z, X, random_state=0)
    >>> result.interval[0] <= result.bound, result.n_decrypted
    (True, 0)
    """
    started = perf_counter()
    check_fitted(encryptor, "encryptor")
    if encryptor.leakage_ == "space":
        raise ValueError('encryptor has no owners: it has leakage="space"')
    rng = make_random_state(random_state)
    Z = check_real_array(Z, dtype=np.float64, input_name="Z")
    X = check_real_array(X, dtype=np.float64, input_name="X")
    expected = (len(X), encryptor._n_features_out)
    if Z.shape != expected:
        raise ValueError(f"Z has shape {Z.shape}, expected {expected}: a row each of X")
    seen = views_of(Z) / (UNIT * 2.0**RESIDUE_BITS)
    predicted = _views_without_noise(encryptor, X)
    hits = 0
    for batch in gen_batches(len(Z), _CHUNK_ROWS):
        distances = cdist(seen[batch], predicted, "cityblock")
        nearest = distances == distances.min(axis=1, keepdims=True)
        guesses = np.argmax(rng.uniform(size=nearest.shape) * nearest, axis=1)
        hits += int((guesses == np.arange(len(Z))[batch]).sum())
    return hit_result(
        "colluding owner",
        hits,
        len(Z),
        1 / len(Z),
        started,
        bound=encryptor.certificate(X).linking.one_target,
        n_decrypted=int(encryptor._cipher.decrypt(Z, np.empty(X.shape)).sum()),
    )


def _views_without_noise(encryptor, X):
    """Codes of records through the map that the owner has."""
    state = encryptor._state
    quiet = [part | {"linkage_noise": 0.0} for part in parts_of(state["view"])]
    view = state["view"]
    if view["kind"] == "joined":
        view = view | {"views": dict(zip(sorted(view["views"]), quiet, strict=True))}
    else:
        view = quiet[0]
    cipher = build_cipher(state | {"view": view}, encryptor.key_, encryptor._keys)
    u = cipher.lattice.round(X, Workspace())
    return cipher.view.codes(u).astype(np.float64)
