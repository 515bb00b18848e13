"""The secret key: 32 random bytes from which every mask is derived."""

import hashlib
import hmac
import html
import operator
import os
import secrets
import warnings
from collections.abc import Iterable

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sklearn_homeo.exceptions import InsecureKeyWarning, KeyFileError, KeyShareError
from sklearn_homeo.keys._files import read_limited, unwrap, wrap, write_private
from sklearn_homeo.keys._shares import KeyShare, combine_shares, split_secret
from sklearn_homeo.keys._stream import KeyStream

__all__ = ["KeyShare", "SecretKey"]

_KEY_BYTES = 32
_SUBKEY_SALT = b"sklearn_homeo"
# A salt of its own, so that no label of a sub-key can yield the public fingerprint.
_FINGERPRINT_SALT = b"sklearn_homeo/fingerprint"
_FINGERPRINT_INFO = b"v1/fingerprint"
_FINGERPRINT_BYTES = 8


class SecretKey:
    """A secret of 32 bytes, immutable, from which everything secret is derived.

    `generate` makes a new one, `load` and `combine` bring one back.  Neither its
    repr nor any error message contains a byte of it, and comparison takes the same
    time wherever two keys differ.  Copies, also by ``sklearn.base.clone``, are the
    object itself.

    Parameters
    ----------
    raw : bytes of length 32
        The key, as in `from_bytes`.

    Raises
    ------
    TypeError
        If `raw` is neither bytes nor bytearray.
    ValueError
        If `raw` has not exactly 32 bytes.

    Warnings
    --------
    A pickle of a key contains the key unprotected, as joblib workers need it.  The
    same holds for a pickle of any estimator that has a key as a parameter.  Store
    keys with `save`, which protects them with a passphrase.

    Examples
    --------
    >>> from sklearn_homeo import SecretKey
    >>> key = SecretKey.generate()
    >>> key == SecretKey.generate()
    False
    >>> SecretKey.from_bytes(bytes(range(32)))
    SecretKey(fingerprint='681a3b1c9b424c32')
    """

    __slots__ = ("__raw",)
    __raw: bytes

    def __init__(self, raw: bytes):
        if not isinstance(raw, bytes | bytearray):
            raise TypeError(f"a key must be bytes, got {type(raw).__name__}")
        if len(raw) != _KEY_BYTES:
            raise ValueError(f"a key must have exactly 32 bytes, got {len(raw)}")
        object.__setattr__(self, "_SecretKey__raw", bytes(raw))

    @classmethod
    def generate(cls) -> "SecretKey":
        """Make a new key from the random source of the operating system.

        Returns
        -------
        SecretKey

        Examples
        --------
        >>> len(SecretKey.generate().to_bytes())
        32
        """
        return cls(secrets.token_bytes(_KEY_BYTES))

    @classmethod
    def from_bytes(cls, raw: bytes) -> "SecretKey":
        """Make a key from its bytes.

        Parameters
        ----------
        raw : bytes or bytearray of length 32
            From a cryptographic random source; no passphrase, nor its hash.

        Returns
        -------
        SecretKey

        Raises
        ------
        TypeError, ValueError
            As in the constructor.

        Examples
        --------
        >>> SecretKey.from_bytes(bytes(31))
        Traceback (most recent call last):
            ...
        ValueError: a key must have exactly 32 bytes, got 31
        """
        return cls(raw)

    def to_bytes(self) -> bytes:
        """Return the bare secret of 32 bytes, for storage in a vault.

        Returns
        -------
        bytes of length 32

        Examples
        --------
        >>> SecretKey.from_bytes(bytes(32)).to_bytes() == bytes(32)
        True
        """
        return self.__raw

    @classmethod
    def insecure_from_seed(cls, seed: int) -> "SecretKey":
        """Make a key from a seed, for tests and examples only.

        Parameters
        ----------
        seed : int
            At least 0.

        Returns
        -------
        SecretKey

        Raises
        ------
        ValueError
            If `seed` is negative.

        Warns
        -----
        InsecureKeyWarning
            Whoever guesses the seed has the key.

        Examples
        --------
        >>> import warnings
        >>> with warnings.catch_warnings(action="ignore"):
        ...     SecretKey.insecure_from_seed(0)
        SecretKey(fingerprint='1dcadcf29a9a7d54')
        """
        seed = operator.index(seed)
        if seed < 0:
            raise ValueError(f"seed must not be negative, got {seed}")
        warnings.warn(
            "this key comes from a guessable seed and protects nothing; use "
            "SecretKey.generate() for real data",
            InsecureKeyWarning,
            stacklevel=2,
        )
        # Hexadecimal, as Python limits the length of decimal texts.
        return cls(hashlib.sha256(f"sklearn_homeo/seed/{seed:x}".encode()).digest())

    @property
    def fingerprint(self) -> str:
        """Public name of the key: 16 hexadecimal digits, derived one-way.

        Examples
        --------
        >>> SecretKey.from_bytes(bytes(range(32))).fingerprint
        '681a3b1c9b424c32'
        """
        digest = self.__derive(_FINGERPRINT_SALT, _FINGERPRINT_INFO, _FINGERPRINT_BYTES)
        return digest.hex()

    def subkey(self, label: str) -> bytes:
        """Derive a key for one purpose, by HKDF with SHA-256 (RFC 5869).

        Parameters
        ----------
        label : str
            The purpose, for example ``"v2/coupling/64/2/0/s/outer"``.  Different labels
            give independent sub-keys, and no sub-key reveals the key.

        Returns
        -------
        bytes of length 32

        Raises
        ------
        TypeError, ValueError
            If `label` is not a str or is empty.

        Examples
        --------
        >>> key = SecretKey.from_bytes(bytes(range(32)))
        >>> key.subkey("v1/example").hex()[:16]
        '928525f49b5e535a'
        """
        if not isinstance(label, str):
            raise TypeError(f"label must be a str, got {type(label).__name__}")
        if not label:
            raise ValueError("label must not be empty")
        return self.__derive(_SUBKEY_SALT, label.encode(), _KEY_BYTES)

    def stream(self, label: str) -> KeyStream:
        """Open the stream of numbers of one purpose, at its beginning.

        Parameters
        ----------
        label : str
            The purpose, as in `subkey`.

        Returns
        -------
        KeyStream

        Examples
        --------
        >>> key = SecretKey.from_bytes(bytes(range(32)))
        >>> key.stream("v1/example").integers(0, 10, size=4)
        array([0, 7, 3, 1])
        """
        return KeyStream(self.subkey(label))

    def save(self, path: str | os.PathLike, passphrase: str | bytes) -> None:
        """Write the key to a new file, protected by a passphrase.

        The passphrase is stretched by Argon2id (64 MiB of memory) and the key
        encrypted with AES-256-GCM.  Only the owner may read the file (mode 0600).

        Parameters
        ----------
        path : str or path-like
            Where to write; nothing may be there.
        passphrase : str or bytes
            Not empty.  Text is normalised to NFKC and encoded as UTF-8.

        Raises
        ------
        FileExistsError
            If anything is at `path`; a key file is never overwritten.
        TypeError, ValueError
            If `passphrase` is no text and no bytes, or is empty.

        Examples
        --------
        >>> import os, tempfile
        >>> key = SecretKey.generate()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "my.key")
        ...     key.save(path, "correct horse battery staple")
        ...     SecretKey.load(path, "correct horse battery staple") == key
        True
        """
        write_private(path, wrap(self.__raw, passphrase, self.fingerprint))

    @classmethod
    def load(cls, path: str | os.PathLike, passphrase: str | bytes) -> "SecretKey":
        """Read a key from the file that `save` wrote.

        Parameters
        ----------
        path : str or path-like
            Where the file is.
        passphrase : str or bytes
            The passphrase given to `save`.

        Returns
        -------
        SecretKey

        Raises
        ------
        KeyFileError
            If it is no key file, is truncated, has an unsupported version, was
            changed, or has another passphrase; the message says what to do.
        FileNotFoundError
            If nothing is at `path`.
        """
        raw, fingerprint = unwrap(read_limited(path), passphrase)
        key = cls(raw)
        if key.fingerprint != fingerprint:
            raise KeyFileError(
                "the key does not have the fingerprint that its file states, so the "
                "file was not written by SecretKey.save; restore it from a backup"
            )
        return key

    def split(self, n_shares: int, threshold: int | None = None) -> list[KeyShare]:
        """Split the key into shares, some or all of which bring it back.

        Fewer shares than the threshold reveal nothing of the key beyond the
        fingerprint on each, whatever computing power is spent on them (Shamir, "How
        to Share a Secret", Communications of the ACM 22(11):612-613, 1979).

        Parameters
        ----------
        n_shares : int from 2 to 255
            How many shares to make.
        threshold : int from 2 to `n_shares`, default=None
            How many of them are needed; None stands for all.

        Returns
        -------
        list of KeyShare, length `n_shares`
            Each has a text form, ``share.to_string()``.

        Raises
        ------
        TypeError, KeyShareError
            If a count is no integer or out of range.

        Examples
        --------
        >>> key = SecretKey.generate()
        >>> shares = key.split(3, threshold=2)
        >>> SecretKey.combine([shares[0], shares[2]]) == key
        True
        """
        threshold = n_shares if threshold is None else threshold
        return split_secret(self.__raw, n_shares, threshold, self.fingerprint)

    @classmethod
    def combine(cls, shares: Iterable[KeyShare | str]) -> "SecretKey":
        """Bring a key back from its shares, all of which are used.

        Parameters
        ----------
        shares : iterable of KeyShare or str
            At least as many different shares as the threshold, or their text forms.

        Returns
        -------
        SecretKey

        Raises
        ------
        KeyShareError
            If shares are too few, mistyped, changed, or of different splits.

        Examples
        --------
        >>> key = SecretKey.generate()
        >>> texts = [share.to_string() for share in key.split(2)]
        >>> SecretKey.combine(texts) == key
        True
        """
        if isinstance(shares, str | KeyShare):
            raise TypeError("shares must be a list of shares, got a single one")
        parsed = [_as_share(share) for share in shares]
        key = cls(combine_shares(parsed))
        if key.fingerprint != parsed[0].key_fingerprint:
            raise KeyShareError(
                "these shares do not give the key that they name, so at least one "
                "was changed; replace them one by one"
            )
        return key

    def __derive(self, salt, info, length):
        hkdf = HKDF(algorithm=SHA256(), length=length, salt=salt, info=info)
        return hkdf.derive(self.__raw)

    def __repr__(self):
        return f"SecretKey(fingerprint={self.fingerprint!r})"

    def _repr_html_(self):
        return f"<code>{html.escape(repr(self))}</code>"

    def __eq__(self, other):
        if not isinstance(other, SecretKey):
            return NotImplemented
        return hmac.compare_digest(self.__raw, other.__raw)

    def __hash__(self):
        return hash(self.fingerprint)

    def __setattr__(self, name, value):
        raise AttributeError("a SecretKey cannot be changed")

    def __delattr__(self, name):
        raise AttributeError("a SecretKey cannot be changed")

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return type(self), (self.__raw,)


def _as_share(share):
    return KeyShare.from_string(share) if isinstance(share, str) else share
