"""Brute force of keys that come from a seed."""

import warnings
from collections.abc import Iterable
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from sklearn_homeo._utils.rows import check_real_array
from sklearn_homeo._utils.validation import check_fitted
from sklearn_homeo.audit._result import AttackResult, hit_result
from sklearn_homeo.encryption._building import build_locks, cipher_keys
from sklearn_homeo.encryption._encryptor import HomeomorphicEncryptor
from sklearn_homeo.exceptions import InsecureKeyWarning
from sklearn_homeo.keys._key import SecretKey


def seed_search(
    encryptor: HomeomorphicEncryptor,
    x: ArrayLike,
    z: ArrayLike,
    *,
    seeds: Iterable[int] = range(2**16),
) -> AttackResult:
    """Try the keys of all seeds on one pair.

    The attacker knows the construction and the fitted state, but not the key, of
    which they hope that it is ``SecretKey.insecure_from_seed(i)`` for a small i. A
    wrong key gives itself away at once: the ciphertext does not decrypt.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
        Fitted, with locks (not at ``leakage="space"``). Its state is used; its key is
        not.
    x : array-like of shape (n_features,)
        A known record.
    z : array-like of shape (n_features_out,)
        Its ciphertext.
    seeds : iterable of int, default=range(65536)
        Seeds to try.

    Returns
    -------
    result : AttackResult
        Its rate is 1 if the key was found, else 0. Details:

        seed : int or None
            The seed that was found.
        tried : int
            Keys tried.

    Raises
    ------
    ValueError
        If the encryptor has no locks, or `x` or `z` have another width.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sklearn_homeo import HomeomorphicEncryptor, SecretKey
    >>> from sklearn_homeo.audit import seed_search
    >>> X = np.random.default_rng(0).normal(size=(100, 8))
    >>> with warnings.catch_warnings(action="ignore"):
    ...     key = SecretKey.insecure_from_seed(42)
    >>> encryptor = HomeomorphicEncryptor(n_preserved=1, key=key).fit(X)
    >>> z = encryptor.transform(X[:1])[0]
    >>> seed_search(encryptor, X[0], z, seeds=range(100)).seed
    42
    """
    started = perf_counter()
    check_fitted(encryptor, "encryptor")
    if encryptor.leakage_ == "space":
        raise ValueError("encryptor has no locks, whose key is searched")
    x, z = (
        check_real_array(
            row, ensure_2d=False, dtype=np.float64, input_name=name
        ).reshape(1, -1)
        for name, row in (("x", x), ("z", z))
    )
    expected = encryptor.n_features_in_, encryptor._n_features_out
    if (x.shape[1], z.shape[1]) != expected:
        raise ValueError(
            f"x has {x.shape[1]} and z {z.shape[1]} entries, expected "
            f"{expected[0]} and {expected[1]}"
        )
    seed, opened = None, np.empty_like(x)
    # So small products only wait for each other's threads.
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureKeyWarning)
        tried = 0
        for guess in seeds:
            tried += 1
            key = SecretKey.insecure_from_seed(guess)
            keys = cipher_keys(encryptor._state, key)
            locks = build_locks(encryptor._state, keys)
            if locks.decrypt(z, opened).all() and _same(locks.lattice, opened, x):
                seed = guess
                break
    return hit_result(
        "seed search",
        seed is not None,
        1,
        0.0,
        started,
        measure="found",
        seed=seed,
        tried=tried,
    )


def _same(lattice, opened, x):
    return bool((np.abs(opened - x) <= lattice.step).all())
