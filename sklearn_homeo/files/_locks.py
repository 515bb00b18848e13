"""Locks of ciphertext files that are in several hands."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from sklearn_homeo._utils.messages import listed
from sklearn_homeo.ciphers.held_lock import HeldLock
from sklearn_homeo.encryption._encryptor import HomeomorphicEncryptor
from sklearn_homeo.files._ciphertexts import (
    Ciphertexts,
    Locks,
    read_ciphertexts,
    write_ciphertexts,
)
from sklearn_homeo.keys._key import SecretKey

__all__ = [
    "check_own_locks",
    "load_ciphertexts",
    "lock_file",
    "locks_of",
    "save_ciphertexts",
    "unlock_file",
]


def lock_file(
    path: str | os.PathLike,
    key: SecretKey,
    out: str | os.PathLike,
    context: bytes | None = None,
) -> int:
    """Set a holder's lock on the rows of a ciphertext file.

    The holder needs nothing but his key: the file says which locks are set and whose is
    next. If all that the file expects are set, the lock is added to them, no matter who
    made the key. Views, labels and sealed cells stay as they are, so that models do,
    too.

    Parameters
    ----------
    path : str or path-like
        A ciphertext file, Parquet.
    key : SecretKey
        The holder's.
    out : str or path-like
        Where to write; nothing may be there. Ends in ``.parquet``.
    context : bytes, default=None
        What the rows were encrypted with, if anything.

    Returns
    -------
    n_rows : int

    Raises
    ------
    FileExistsError
        If anything is at `out`.
    ValueError
        If another holder's lock is next, or this one is set already; if the file is not
        a ciphertext file, or does not tell its locks.

    See Also
    --------
    unlock_file : Opens the lock again.
    HomeomorphicEncryptor.first_holder : Who sets the first lock.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_homeo import HomeomorphicEncryptor, SecretKey
    >>> from sklearn_homeo import load_ciphertexts, lock_file, save_ciphertexts
    >>> from sklearn_homeo import unlock_file
    >>> X, y = load_wine(return_X_y=True)
    >>> encryptor = HomeomorphicEncryptor(leakage="cells", n_cells=6).fit(X, y)
    >>> auditor = SecretKey.generate()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     one, two, three = (os.path.join(folder, f"{i}.parquet") for i in "123")
    ...     save_ciphertexts(encryptor.transform(X), one, encryptor)
    ...     n_rows = lock_file(one, auditor, two)
    ...     n_rows = unlock_file(two, auditor, three)
    ...     Z = load_ciphertexts(three, encryptor)
    >>> bool((Z == encryptor.transform(X)).all())
    True
    """
    ciphertexts = _read(path, key, out)
    locks = ciphertexts.locks
    if key.fingerprint in locks.order[: locks.n_set]:
        raise ValueError(
            f"{path}: the lock of the key {key.fingerprint} is set already"
        )
    if not locks.missing:
        locks = replace(locks, order=[*locks.order, key.fingerprint])
    elif locks.missing[0] != key.fingerprint:
        raise ValueError(
            f"{path}: the next lock is that of the key {locks.missing[0]}, not of "
            f"{key.fingerprint}; its holder comes first"
        )
    held = HeldLock(key.to_bytes(), locks.n_set, ciphertexts.Z.shape[1], locks.binding)
    _check_written(path, held.set(ciphertexts.Z, ciphertexts.Z, context))
    locks = replace(locks, n_set=locks.n_set + 1)
    write_ciphertexts(replace(ciphertexts, locks=locks), out)
    return len(ciphertexts.Z)


def unlock_file(
    path: str | os.PathLike,
    key: SecretKey,
    out: str | os.PathLike,
    context: bytes | None = None,
) -> int:
    """Open a holder's lock on the rows of a ciphertext file.

    Parameters
    ----------
    path : str or path-like
        A ciphertext file, Parquet.
    key : SecretKey
        The holder's.
    out : str or path-like
        Where to write; nothing may be there. Ends in ``.parquet``.
    context : bytes, default=None
        What the rows were encrypted with, if anything.

    Returns
    -------
    n_rows : int

    Raises
    ------
    FileExistsError
        If anything is at `out`.
    ValueError
        If another lock was set later, or this is the first one, which is opened by
        decrypting; if the file is not a ciphertext file, or does not tell its locks.

    See Also
    --------
    lock_file : Sets the lock, with an example.

    Notes
    -----
    A holder cannot see whether rows are valid. If a row was changed, or another lock
    was opened with a wrong key, that shows when rows are decrypted.
    """
    ciphertexts = _read(path, key, out)
    locks = ciphertexts.locks
    last = locks.order[locks.n_set - 1]
    if last != key.fingerprint:
        known = key.fingerprint in locks.order[: locks.n_set]
        reason = "its holder comes first" if known else "which this key does not open"
        raise ValueError(
            f"{path}: the lock to open is that of the key {last}, not of "
            f"{key.fingerprint}; {reason}"
        )
    if locks.n_set == 1:
        raise ValueError(
            f"{path}: only the first lock is set, and opening it decrypts the rows: "
            "use the encryptor of its holder"
        )
    locks = replace(locks, n_set=locks.n_set - 1)
    held = HeldLock(key.to_bytes(), locks.n_set, ciphertexts.Z.shape[1], locks.binding)
    _check_written(path, held.open(ciphertexts.Z, ciphertexts.Z, context))
    write_ciphertexts(replace(ciphertexts, locks=locks), out)
    return len(ciphertexts.Z)


def save_ciphertexts(
    Z: ArrayLike, path: str | os.PathLike, encryptor: HomeomorphicEncryptor
) -> None:
    """Write ciphertexts to a new file that tells which locks are set.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_features_out)
        What `encryptor` returned.
    path : str or path-like
        Where to write; nothing may be there. ``.parquet``; ``.csv`` and ``.npy`` do not
        tell of locks.
    encryptor : HomeomorphicEncryptor
        Fitted.

    Raises
    ------
    FileExistsError
        If anything is at `path`.

    See Also
    --------
    lock_file : What other holders do with it, with an example.
    """
    _check_encryptor(encryptor)
    rows = encryptor._check_ciphertexts(Z)
    names = [str(name) for name in encryptor.get_feature_names_out()]
    fingerprint, locks = encryptor.key_fingerprint_, locks_of(encryptor)
    write_ciphertexts(
        Ciphertexts(np.asarray(rows), names, fingerprint, locks=locks), path
    )


def load_ciphertexts(
    path: str | os.PathLike, encryptor: HomeomorphicEncryptor
) -> np.ndarray:
    """Read ciphertexts that an encryptor is to decrypt.

    Parameters
    ----------
    path : str or path-like
        A ciphertext file.
    encryptor : HomeomorphicEncryptor
        Fitted.

    Returns
    -------
    Z : ndarray of shape (n_samples, n_features_out), dtype float64

    Raises
    ------
    ValueError
        If locks of other holders are still set; the message names them. Also if it is
        not a ciphertext file.
    """
    _check_encryptor(encryptor)
    ciphertexts = read_ciphertexts(path)
    check_own_locks(path, ciphertexts, encryptor)
    return ciphertexts.Z


def locks_of(encryptor):
    """Return the `Locks` of an encryptor's ciphertexts; None at "space"."""
    keys = encryptor._keys
    if keys is None:
        return None
    return Locks(list(keys.order), len(keys.locks), keys.binding)


def check_own_locks(path, ciphertexts, encryptor):
    """Raise ValueError if other locks are set than those of an encryptor."""
    locks, own = ciphertexts.locks, locks_of(encryptor)
    if locks is None or own is None:
        return
    if locks.n_set > own.n_set:
        others = listed(locks.order[own.n_set : locks.n_set])
        raise ValueError(
            f"{path}: locks of other holders are set, with the keys {others}; they "
            "must open them first, the last one first"
        )
    if locks.n_set < own.n_set:
        opened = listed(locks.order[locks.n_set : own.n_set])
        raise ValueError(
            f"{path}: the locks with the keys {opened} are open; their holders must "
            "set them again, or the holder of the first lock decrypts"
        )


def _check_encryptor(encryptor):
    if not isinstance(encryptor, HomeomorphicEncryptor):
        found = type(encryptor).__name__
        raise TypeError(f"encryptor must be a HomeomorphicEncryptor, got {found}")
    check_is_fitted(encryptor)


def _read(path, key, out):
    if not isinstance(key, SecretKey):
        raise TypeError(f"key must be a SecretKey, got {type(key).__name__}")
    out = Path(out).expanduser()
    if out.suffix != ".parquet":
        raise ValueError(f"{out}: files that tell their locks end in .parquet")
    if out.exists():
        raise FileExistsError(f"{out} exists; nothing was overwritten")
    ciphertexts = read_ciphertexts(Path(path).expanduser())
    if ciphertexts.locks is None:
        raise ValueError(
            f"{path} does not tell its locks: it is synthetic, of "
            'leakage="space", or not Parquet'
        )
    return ciphertexts


def _check_written(path, written):
    rows = np.flatnonzero(~written)
    if len(rows) > 0:
        raise ValueError(f"{path}: rows {listed(rows)} are not ciphertexts")
