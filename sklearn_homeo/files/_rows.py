"""Cells that cannot be numbers, sealed row by row with the ciphertexts.

Each row's cells are encrypted by AES-GCM-SIV under a sub-key, together with where the
row stood in its table. They are bound to the row's ciphertext: a sealed cell
that was moved to another row does not open. All of a file are equally long.
"""

import secrets

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from sklearn_homeo._utils.trees import dump_tree, load_tree

__all__ = ["open_rows", "seal_rows"]

_LABEL = "v1/sealed-row"
_NONCE_BYTES = 12
_LENGTH_BYTES = 4
_MIN_BYTES = 64


def seal_rows(trees, Z, key):
    """Seal one tree for each row.

    Parameters
    ----------
    trees : list of what `dump_tree` takes, length n_rows
    Z : ndarray of shape (n_rows, n_columns), dtype float64
        The rows' ciphertexts.
    key : SecretKey

    Returns
    -------
    sealed : list of bytes, length n_rows
        All of one length, the longest one's rounded up to a power of two.
    """
    cipher = AESGCMSIV(key.subkey(_LABEL))
    plain = [dump_tree(tree) for tree in trees]
    longest = max([len(text) for text in plain], default=0) + _LENGTH_BYTES
    length = max(1 << (longest - 1).bit_length(), _MIN_BYTES)
    sealed = []
    for text, bound in zip(plain, _bindings(Z), strict=True):
        framed = len(text).to_bytes(_LENGTH_BYTES, "little") + text
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed.append(nonce + cipher.encrypt(nonce, framed.ljust(length, b"\0"), bound))
    return sealed


def open_rows(sealed, Z, key):
    """Return the trees of `seal_rows`, None where a row was changed.

    Parameters
    ----------
    sealed : list of bytes, length n_rows
    Z, key
        As in `seal_rows`.

    Returns
    -------
    trees : list, length n_rows
    """
    cipher = AESGCMSIV(key.subkey(_LABEL))
    trees = []
    for data, bound in zip(sealed, _bindings(Z), strict=True):
        nonce, text = bytes(data[:_NONCE_BYTES]), bytes(data[_NONCE_BYTES:])
        try:
            padded = cipher.decrypt(nonce, text, bound)
        except (InvalidTag, ValueError):
            trees.append(None)
            continue
        end = _LENGTH_BYTES + int.from_bytes(padded[:_LENGTH_BYTES], "little")
        trees.append(load_tree(padded[_LENGTH_BYTES:end]))
    return trees


def _bindings(Z):
    return (row.tobytes() for row in np.ascontiguousarray(Z, dtype="<f8"))
