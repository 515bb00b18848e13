"""The fitted state: what a fit learnt, without the key, and a digest that names it.

Every sub-key is derived from the key and the digest, so ciphertexts of one fit are
refused by any other, under the same key as well.
"""

import hashlib
import struct

import numpy as np

__all__ = ["VERSION", "canonical_bytes", "digest"]

# Of the state's layout and of the ciphertexts' format.
VERSION = "v3"


def canonical_bytes(value):
    """Write a state as bytes: the same for equal states, on every machine.

    Each value has a letter for its type and its length before it; dictionaries are in
    the order of their keys, numbers and arrays little-endian.

    Parameters
    ----------
    value : dict of str to value, ndarray, bool, int, float, str, bytes or None

    Returns
    -------
    content : bytes

    Examples
    --------
    >>> from sklearn_homeo.encryption._state import canonical_bytes
    >>> canonical_bytes({"b": 1, "a": None}) == canonical_bytes({"a": None, "b": 1})
    True
    >>> canonical_bytes({"a": 1}) == canonical_bytes({"a": 1.0})
    False
    """
    if isinstance(value, dict):
        items = (canonical_bytes(k) + canonical_bytes(value[k]) for k in sorted(value))
        return _framed(b"d", b"".join(items))
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        header = canonical_bytes(array.dtype.str) + struct.pack("<Q", value.ndim)
        shape = struct.pack(f"<{value.ndim}Q", *value.shape)
        return _framed(b"a", header + shape + array.tobytes())
    if value is None:
        return _framed(b"n", b"")
    if isinstance(value, bool | np.bool_):
        return _framed(b"b", bytes([bool(value)]))
    if isinstance(value, int | np.integer):
        return _framed(b"i", str(int(value)).encode())
    if isinstance(value, float | np.floating):
        return _framed(b"f", struct.pack("<d", value))
    if isinstance(value, str):
        return _framed(b"s", value.encode())
    if isinstance(value, bytes):
        return _framed(b"y", value)
    raise TypeError(f"a fitted state cannot hold a {type(value).__name__}")


def _framed(kind, content):
    return kind + struct.pack("<Q", len(content)) + content


def digest(state):
    """Return the SHA-256 of a fitted state, as bytes of length 32."""
    return hashlib.sha256(canonical_bytes(state)).digest()
