"""Brute force of keys that come from a seed."""

import warnings
from time import perf_counter

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from sklearn_homeo.audit._result import hit_result
from sklearn_homeo.ciphers.composition import VERSION, LatticeCipher, coupling_cipher
from sklearn_homeo.ciphers.seal import Seal
from sklearn_homeo.ciphers.waves import GRID
from sklearn_homeo.exceptions import InsecureKeyWarning
from sklearn_homeo.keys._key import SecretKey

# Rounding that a lattice point may show through a right seal, in grid steps.
_ROUNDING = 2.0**-6


def seed_search(encryptor, x, z, *, seeds=range(2**16)):
    """Try the keys of all seeds on one pair.

    The attacker knows the construction and the frame, which they may have refitted on
    leaked records, but not the key, of which they hope that it is
    ``SecretKey.insecure_from_seed(i)`` for a small i. A wrong key gives itself away
    at once: without its seal, the ciphertext does not lie on the lattice.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor
        Fitted, with ``cipher="coupling"``. Its frame and settings are used; its key
        is not.
    x : array-like of shape (n_features,)
        A known record.
    z : array-like of shape (n_features,)
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
        If the encryptor has no coupling locks, or `x` or `z` have another width.

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
    check_is_fitted(encryptor)
    rebuild = _Construction(encryptor)
    x, z = (
        check_array(row, ensure_2d=False, dtype=np.float64).reshape(1, -1)
        for row in (x, z)
    )
    if {x.shape[1], z.shape[1]} != {rebuild.n}:
        raise ValueError(
            f"x has {x.shape[1]} and z {z.shape[1]} entries, expected {rebuild.n}"
        )
    seed = None
    # So small products only wait for each other's threads.
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureKeyWarning)
        tried = 0
        for guess in seeds:
            tried += 1
            key = SecretKey.insecure_from_seed(guess)
            if rebuild.opens(key, z) and rebuild.encrypts(key, x, z):
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


class _Construction:
    """What of a fitted cipher does not depend on the key, as an attacker sees it."""

    def __init__(self, encryptor):
        cipher = encryptor._cipher
        if not isinstance(cipher, LatticeCipher) or not cipher.locks:
            raise ValueError("encryptor has no coupling locks, whose key is searched")
        self.frame, (seal,) = cipher.frame, cipher.stages
        self.spread = seal.lock.skew.spread
        self.n, self.k = encryptor.n_features_in_, encryptor.n_preserved_
        self.settings = {
            name: getattr(encryptor, name)
            for name in ("depth", "frequency", "amplitude", "linkage_noise")
        }
        variance = 1.0 + encryptor.depth * encryptor.amplitude**2 / 3.0
        self.masked_spread = variance**0.5

    def opens(self, key, z):
        """Whether the ciphertext lies on the lattice beneath the key's seal."""
        label = f"{VERSION}/coupling/{self.n}/{self.k}/seal"
        spreads = self.spread, self.masked_spread
        seal = Seal.from_key(key, label, self.n, self.k, *spreads, self.frame.unit)
        y = seal.inverse(z) * GRID
        return bool((np.abs(y - np.round(y)) <= _ROUNDING).all())

    def encrypts(self, key, x, z):
        """Whether the whole cipher of the key maps the record to the ciphertext."""
        cipher = coupling_cipher(
            key, self.frame, self.n, self.k, self.spread, **self.settings
        )
        return bool(np.allclose(cipher.encrypt(x), z, rtol=0, atol=1e-9))
