"""Splitting a secret into shares, of which a threshold brings it back.

Shamir's scheme over GF(2**8), byte by byte [1]_.  Fewer shares than the threshold
are consistent with every secret equally well, so they reveal nothing about it,
whatever computing power is spent.  Apart from its payload a share publishes only the
fingerprint of the key, a one-way digest of 64 bits.

References
----------
.. [1] A. Shamir, "How to Share a Secret", Communications of the ACM 22(11):612-613,
   1979.
"""

import base64
import binascii
import hashlib
import hmac
import operator
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from sklearn_homeo._utils.hidden import Hidden
from sklearn_homeo.exceptions import KeyShareError
from sklearn_homeo.keys._files import read_limited, write_private

__all__ = ["KeyShare", "combine_shares", "split_secret"]

_PREFIX = "homeo-share-1:"
_ANY_PREFIX = re.compile("homeo-share-[0-9]{1,9}:")
_SECRET_BYTES = 32
_CHECK_BYTES = 4
# threshold, index, n_shares; fingerprint; set_id; payload.
_BODY_BYTES = 3 + 8 + 8 + _SECRET_BYTES
_HEX_64 = re.compile("[0-9a-f]{16}")
_MAX_SHARES = 255


@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)
class KeyShare:
    """One share of a split key.

    Parameters
    ----------
    index : int from 1 to `n_shares`
        Number of this share.
    threshold : int from 2 to `n_shares`
        Number of shares that bring the key back.
    n_shares : int from 2 to 255
        Number of shares that were made.
    key_fingerprint : str of 16 hexadecimal digits
        Public name of the key.
    set_id : str of 16 hexadecimal digits
        Random name of this split; shares of two splits do not go together.
    payload : bytes of length 32
        The secret part.  It is not in the repr, but in `to_string` and in a pickle.

    Raises
    ------
    TypeError
        If a field has another type.
    KeyShareError
        If a field has another range or length.

    Examples
    --------
    >>> from sklearn_homeo import SecretKey
    >>> from sklearn_homeo.keys._shares import KeyShare
    >>> key = SecretKey.from_bytes(bytes(range(32)))
    >>> shares = key.split(3, threshold=2)
    >>> shares[0]
    KeyShare(index=1, threshold=2, key_fingerprint='681a3b1c9b424c32')
    >>> KeyShare.from_string(shares[0].to_string()) == shares[0]
    True
    >>> SecretKey.combine(shares[1:]) == key
    True
    """

    index: int
    threshold: int
    n_shares: int
    key_fingerprint: str
    set_id: str
    payload: bytes

    # Not the dataclass's own, in whose frame a traceback would show the payload.
    def __init__(
        self,
        index: int,
        threshold: int,
        n_shares: int,
        key_fingerprint: str,
        set_id: str,
        payload: bytes,
    ):
        secret = Hidden(payload)
        del payload
        for name, count in (
            ("index", index),
            ("threshold", threshold),
            ("n_shares", n_shares),
        ):
            _check_type(name, count, int)
        _check_type("payload", secret.value, bytes)
        _check_counts(n_shares, threshold)
        if not 1 <= index <= n_shares:
            raise KeyShareError(
                f"index must be from 1 to n_shares={n_shares}, got {index}"
            )
        for name, text in (("key_fingerprint", key_fingerprint), ("set_id", set_id)):
            _check_type(name, text, str)
            if not _HEX_64.fullmatch(text):
                raise KeyShareError(f"{name} must have 16 lower-case hex digits")
        if len(secret.value) != _SECRET_BYTES:
            raise KeyShareError(
                f"payload must have {_SECRET_BYTES} bytes, got {len(secret.value)}"
            )
        values = (index, threshold, n_shares, key_fingerprint, set_id, secret.value)
        for field, value in zip(fields(self), values, strict=True):
            object.__setattr__(self, field.name, value)

    def to_string(self) -> str:
        """Write the share as one line of text, to be stored as a secret.

        Returns
        -------
        str
            ``homeo-share-1:`` and 88 characters of base32 (A-Z, 2-7), which end in
            a checksum against typing errors (no protection against forgery).

        Examples
        --------
        >>> from sklearn_homeo.keys._shares import KeyShare
        >>> share = KeyShare(1, 2, 3, "0123456789abcdef", "00" * 8, bytes(32))
        >>> share.to_string()[:26]
        'homeo-share-1:AIAQGAJDIVTY'
        """
        body = self._body()
        return _PREFIX + base64.b32encode(body + _checksum(body)).decode()

    @classmethod
    def from_string(cls, text: str) -> "KeyShare":
        """Read a share from its text; case and white space do not matter.

        Parameters
        ----------
        text : str
            What `to_string` returned.

        Returns
        -------
        KeyShare

        Raises
        ------
        TypeError
            If `text` is not a str.
        KeyShareError
            If the text is not a share, has an unsupported version, or is mistyped.

        Examples
        --------
        >>> from sklearn_homeo.keys._shares import KeyShare
        >>> KeyShare.from_string("homeo-share-1:AIAQGAJDIVTY")
        Traceback (most recent call last):
            ...
        sklearn_homeo.exceptions.KeyShareError: mistyped or incomplete share: ...
        """
        hidden = Hidden(text)
        del text
        _check_type("text", hidden.value, str)
        body = _read_body(hidden)
        threshold, index, n_shares = body.value[:3]
        names = body.value[3:11].hex(), body.value[11:19].hex()
        return cls(index, threshold, n_shares, *names, body.value[19:])

    def save(self, path: str | os.PathLike) -> None:
        """Write the share to a new file, which only its owner may read (mode 0600).

        The file holds the text of `to_string`, unencrypted. Alone it says nothing about
        the key, but each share belongs in other hands or on another machine.

        Parameters
        ----------
        path : str or path-like
            Where to write; nothing may be there. ``~`` is the home folder.

        Raises
        ------
        FileExistsError
            If anything is at `path`.

        Examples
        --------
        >>> import os, tempfile
        >>> from sklearn_homeo import KeyShare, SecretKey
        >>> share = SecretKey.generate().split(3, threshold=2)[0]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "first.share")
        ...     share.save(path)
        ...     KeyShare.load(path) == share
        True
        """
        write_private(path, self.to_string().encode() + b"\n")

    @classmethod
    def load(cls, path: str | os.PathLike) -> "KeyShare":
        """Read a share from the file that `save` wrote, or that holds its text.

        Parameters
        ----------
        path : str or path-like
            Where the file is.

        Returns
        -------
        KeyShare

        Raises
        ------
        KeyShareError
            If it holds no share, one of an unsupported version, or a mistyped one.
        FileNotFoundError
            If nothing is at `path`.
        """
        content = Hidden(read_limited(path, KeyShareError))
        # Other bytes than ASCII become characters that no share has.
        return cls.from_string(content.value.decode("ascii", errors="replace"))

    def _body(self):
        counts = bytes((self.threshold, self.index, self.n_shares))
        names = bytes.fromhex(self.key_fingerprint + self.set_id)
        return counts + names + self.payload

    def __repr__(self):
        if not hasattr(self, "payload"):
            return "KeyShare(<incomplete>)"
        return (
            f"KeyShare(index={self.index}, threshold={self.threshold}, "
            f"key_fingerprint={self.key_fingerprint!r})"
        )

    def __eq__(self, other):
        if not isinstance(other, KeyShare):
            return NotImplemented
        return hmac.compare_digest(self._body(), other._body())

    def __hash__(self):
        return hash((self.index, self.key_fingerprint, self.set_id))

    def __reduce__(self):
        names = (self.key_fingerprint, self.set_id)
        counts = (self.index, self.threshold, self.n_shares)
        return type(self), (*counts, *names, self.payload)


def split_secret(
    secret: bytes, n_shares: int, threshold: int, fingerprint: str
) -> list[KeyShare]:
    """Split a secret, so that any `threshold` of the shares bring it back.

    Parameters
    ----------
    secret : bytes of length 32
        What to split.
    n_shares : int from 2 to 255
        How many shares to make.
    threshold : int from 2 to `n_shares`
        How many of them are needed.
    fingerprint : str of 16 hexadecimal digits
        Public name of the secret, written on every share.

    Returns
    -------
    list of KeyShare, length `n_shares`

    Raises
    ------
    TypeError
        If a count is not an integer.
    KeyShareError
        If a count or the length of the secret is out of range.

    Examples
    --------
    >>> from sklearn_homeo.keys._shares import combine_shares, split_secret
    >>> shares = split_secret(bytes(range(32)), 5, 3, "0123456789abcdef")
    >>> combine_shares(shares[1:4]) == bytes(range(32))
    True
    """
    hidden = Hidden(secret)
    del secret
    n_shares = _as_int("n_shares", n_shares)
    threshold = _as_int("threshold", threshold)
    _check_counts(n_shares, threshold)
    if len(hidden.value) != _SECRET_BYTES:
        raise KeyShareError(f"secret must have 32 bytes, got {len(hidden.value)}")
    # The random coefficients may be zero, the highest one too: without that, a
    # share would rule out one value of each byte.
    random = secrets.token_bytes(_SECRET_BYTES * (threshold - 1))
    coefficients = np.frombuffer(random + hidden.value, np.uint8).reshape(threshold, -1)
    payloads = _evaluate(coefficients, np.arange(1, n_shares + 1, dtype=np.uint8))
    set_id = secrets.token_hex(8)
    return [
        KeyShare(index, threshold, n_shares, fingerprint, set_id, payload.tobytes())
        for index, payload in enumerate(payloads, start=1)
    ]


def combine_shares(shares: Iterable[KeyShare]) -> bytes:
    """Bring the secret back from its shares, all of which are used.

    The caller compares the fingerprint of the result with that of the shares: one
    forged payload changes the result, even where there are more shares than needed.

    Parameters
    ----------
    shares : iterable of KeyShare
        At least as many different ones as the threshold, in any order.  Identical
        copies count once.

    Returns
    -------
    bytes of length 32

    Raises
    ------
    TypeError
        If something else is among the shares.
    KeyShareError
        If the shares are too few, contradict one another, or are of different keys
        or different splits.
    """
    shares = list(shares)
    for share in shares:
        _check_type("every share", share, KeyShare)
    _check_same_split(shares)
    different = _by_index(shares)
    needed = shares[0].threshold
    if len(different) < needed:
        raise KeyShareError(
            f"{needed} different shares are needed, got {len(different)}"
        )
    points = np.array(list(different), dtype=np.uint8)
    joined = b"".join(share.payload for share in different.values())
    payloads = np.frombuffer(joined, np.uint8).reshape(len(points), -1)
    weights = _weights_at_zero(points)
    terms = _multiply(payloads, weights[:, np.newaxis])
    return np.bitwise_xor.reduce(terms, axis=0).tobytes()


def _check_same_split(shares):
    if not shares:
        raise KeyShareError("no shares given")
    if len({share.key_fingerprint for share in shares}) > 1:
        raise KeyShareError("these are shares of different keys")
    if len({(share.set_id, share.threshold, share.n_shares) for share in shares}) > 1:
        raise KeyShareError(
            "these are shares of different splits of the same key; take all of them "
            "from one split"
        )


def _by_index(shares):
    different = {}
    for share in shares:
        if different.setdefault(share.index, share) != share:
            raise KeyShareError(
                f"two different shares have the index {share.index}, so that one of "
                "them was changed"
            )
    return different


def _multiply(a, b):
    """Products in GF(2**8) modulo x**8 + x**4 + x**3 + x + 1, elementwise.

    Neither branches nor table look-ups depend on the values, so that time and cache
    reveal nothing about them.
    """
    product = np.zeros(np.broadcast_shapes(a.shape, b.shape), np.uint8)
    for bit in range(8):
        product ^= a * ((b >> bit) & 1)
        a = (a << 1) ^ ((a >> 7) * np.uint8(0x1B))
    return product


def _evaluate(coefficients, points):
    """Values of shape (n_points, n_bytes); the highest coefficient comes first."""
    points = points[:, np.newaxis]
    values = np.zeros((len(points), coefficients.shape[1]), np.uint8)
    for coefficient in coefficients:
        values = _multiply(values, points) ^ coefficient
    return values


def _weights_at_zero(points):
    """Lagrange weights ``prod(x_j / (x_i - x_j), j != i)`` of the value at zero."""
    differences = points[:, np.newaxis] ^ points
    np.fill_diagonal(differences, 1)
    factors = _multiply(_invert(differences), points)
    np.fill_diagonal(factors, 1)
    weights = np.ones(len(points), np.uint8)
    for column in factors.T:
        weights = _multiply(weights, column)
    return weights


def _invert(a):
    """The inverse a**254, as the product of a**2, a**4, ..., a**128."""
    inverse = np.ones_like(a)
    for _ in range(7):
        a = _multiply(a, a)
        inverse = _multiply(inverse, a)
    return inverse


def _read_body(text):
    compact = Hidden("".join(text.value.split()))
    prefix = _ANY_PREFIX.match(compact.value[:30].lower())
    if not prefix:
        raise KeyShareError(f"not a key share: the text must begin with {_PREFIX}")
    if prefix.group() != _PREFIX:
        raise KeyShareError(
            f"unsupported version of a key share, {prefix.group()} instead of "
            f"{_PREFIX}; upgrade sklearn_homeo"
        )
    raw = _decode(Hidden(compact.value[prefix.end() :]))
    body, check = Hidden(raw.value[:_BODY_BYTES]), raw.value[_BODY_BYTES:]
    fits = hmac.compare_digest(check, _checksum(body.value))
    if len(body.value) != _BODY_BYTES or not fits:
        raise KeyShareError(
            "mistyped or incomplete share: the checksum does not fit; compare the "
            "text with the original"
        )
    return body


def _decode(text):
    try:
        return Hidden(base64.b32decode(text.value.upper()))
    except (binascii.Error, ValueError):
        return Hidden(b"")


def _checksum(body):
    return hashlib.sha256(_PREFIX.encode() + body).digest()[:_CHECK_BYTES]


def _check_counts(n_shares, threshold):
    if not 2 <= n_shares <= _MAX_SHARES:
        raise KeyShareError(f"n_shares must be from 2 to 255, got {n_shares}")
    if not 2 <= threshold <= n_shares:
        raise KeyShareError(
            f"threshold must be from 2 to n_shares={n_shares}, got {threshold}"
        )


def _check_type(name, value, kind):
    value = Hidden(value)
    if not isinstance(value.value, kind) or isinstance(value.value, bool):
        raise TypeError(
            f"{name} must be of type {kind.__name__}, got {type(value.value).__name__}"
        )


def _as_int(name, value):
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name} must be of type int, got {type(value).__name__}"
        ) from None
