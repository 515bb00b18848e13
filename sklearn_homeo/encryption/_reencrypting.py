"""Ciphertexts of one key as ciphertexts of another, without rows in between."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from sklearn_homeo._utils.devices import compute_device
from sklearn_homeo._utils.rows import check_apart, is_tensor
from sklearn_homeo.encryption._devices import cipher_on
from sklearn_homeo.encryption._encryptor import HomeomorphicEncryptor, prepared
from sklearn_homeo.encryption._state import canonical_bytes
from sklearn_homeo.exceptions import InvalidCiphertextError

__all__ = ["reencrypt", "reencrypt_into"]


def reencrypt(
    Z: ArrayLike,
    old: HomeomorphicEncryptor,
    new: HomeomorphicEncryptor,
    context: bytes | None = None,
) -> np.ndarray:
    """Turn ciphertexts of one encryptor into those of another.

    The locks of `old` are opened and those of `new` set, some rows at a time, as
    integers in memory: no row is written anywhere. Each row is verified before.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_features_out)
        Ciphertexts of `old`; may be memory-mapped, or a torch tensor.
    old, new : HomeomorphicEncryptor
        `new` is what `rekey`, `for_owner` or `add_target` made of `old`, or the other
        way round. Not at ``leakage="space"``.
    context : bytes, default=None
        Name of what the rows belong to, before and after.

    Returns
    -------
    Z_new : ndarray of shape (n_samples, new's n_features_out), dtype float64
        A tensor on its device if `Z` is one.

    Raises
    ------
    InvalidCiphertextError
        If rows are not ciphertexts of `old`, whatever its `on_invalid` is: what was
        forged must not become valid. Its ``rows`` says which.
    ValueError
        If the encryptors do not belong together.

    See Also
    --------
    reencrypt_into : The same into an array that exists.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_homeo import HomeomorphicEncryptor, reencrypt, views_of
    >>> X, y = load_wine(return_X_y=True)
    >>> old = HomeomorphicEncryptor(leakage="cells", n_cells=6).fit(X, y)
    >>> Z = old.transform(X)
    >>> new = old.rekey()
    >>> Z_new = reencrypt(Z, old, new)
    >>> bool((Z_new == new.transform(X)).all())
    True
    >>> bool((views_of(Z_new) == views_of(Z)).all()), bool((Z_new == Z).any())
    (True, False)
    """
    _check_pair(old, new)
    rows = old._check_ciphertexts(Z)
    return _reencrypt(rows, old, new, None, context)


def reencrypt_into(
    Z: ArrayLike,
    out: np.ndarray,
    old: HomeomorphicEncryptor,
    new: HomeomorphicEncryptor,
    context: bytes | None = None,
) -> np.ndarray:
    """Turn ciphertexts of one encryptor into those of another, in an array that exists.

    Neither the old nor the new ciphertexts need to fit into memory, if both are
    memory-mapped.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_features_out)
        Ciphertexts of `old`.
    out : ndarray of shape (n_samples, new's n_features_out), dtype float64
        Shares no memory with `Z`. Written in full before invalid rows are reported,
        which are NaN in it.
    old, new : HomeomorphicEncryptor
        As in `reencrypt`.
    context : bytes, default=None
        As in `reencrypt`.

    Returns
    -------
    out : ndarray of shape (n_samples, new's n_features_out), dtype float64

    Raises
    ------
    InvalidCiphertextError, ValueError
        As in `reencrypt`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo import HomeomorphicEncryptor, reencrypt_into
    >>> X = np.random.default_rng(0).normal(size=(100, 10))
    >>> old = HomeomorphicEncryptor(n_preserved=1).fit(X)
    >>> new = old.rekey()
    >>> out = reencrypt_into(old.transform(X), np.empty((100, 10)), old, new)
    >>> bool(np.allclose(new.inverse_transform(out), X, atol=1e-6))
    True
    """
    _check_pair(old, new)
    rows = old._check_ciphertexts(Z)
    check_apart(rows, out)
    return _reencrypt(rows, old, new, out, context)


def _reencrypt(Z, old, new, out, context):
    device = Z.device if is_tensor(Z) else compute_device(new.device)
    ciphers = [cipher_on(each._cipher, device) for each in (old, new)]
    Z, out, result = prepared(Z, out, ciphers[1].width)
    valid = ciphers[1].reencrypt(
        Z, ciphers[0], out, context, keeps_view=_have_one_view(old, new)
    )
    rows = np.flatnonzero(~valid)
    if len(rows) > 0:
        raise InvalidCiphertextError(old._invalid_message(rows, len(valid)), rows)
    return result


def _check_pair(old, new):
    for name, encryptor in {"old": old, "new": new}.items():
        if not isinstance(encryptor, HomeomorphicEncryptor):
            found = type(encryptor).__name__
            raise TypeError(f"{name} must be a HomeomorphicEncryptor, got {found}")
        check_is_fitted(encryptor)
        if encryptor.leakage_ == "space":
            raise ValueError(
                f'{name} has leakage="space", where no row can be verified: decrypt '
                "and encrypt again."
            )
    lattices = [_lattice(encryptor) for encryptor in (old, new)]
    if lattices[0] != lattices[1]:
        raise ValueError(
            "new was fitted by itself: make it of old by rekey, for_owner or "
            "add_target, or decrypt and encrypt again."
        )


def _have_one_view(old, new):
    views = (canonical_bytes(each._state["view"]) for each in (old, new))
    return old._keys.views == new._keys.views and len(set(views)) == 1


def _lattice(encryptor):
    state = encryptor._state["lattice"]
    return canonical_bytes({name: state[name] for name in ("mean", "scale", "whole")})
