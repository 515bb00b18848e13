"""The secret key: 32 random bytes from which every mask is derived."""

import hashlib
import hmac
import html
import operator
import os
import secrets
from collections.abc import Iterable

from sklearn_homeo._utils.hidden import Hidden
from sklearn_homeo._utils.warning import warn
from sklearn_homeo.exceptions import InsecureKeyWarning, KeyFileError, KeyShareError
from sklearn_homeo.keys._derivation import (
    KEY_BYTES,
    derive_fingerprint,
    derive_subkey,
)
from sklearn_homeo.keys._files import read_limited, replace_private, write_private
from sklearn_homeo.keys._shares import KeyShare, combine_shares, split_secret
from sklearn_homeo.keys._stream import KeyStream
from sklearn_homeo.keys._wrapping import KeyWrapper, as_wrapper

__all__ = ["SecretKey"]


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
        secret = Hidden(raw)
        del raw
        if not isinstance(secret.value, bytes | bytearray):
            raise TypeError(f"a key must be bytes, got {type(secret.value).__name__}")
        if len(secret.value) != KEY_BYTES:
            raise ValueError(
                f"a key must have exactly 32 bytes, got {len(secret.value)}"
            )
        object.__setattr__(self, "_SecretKey__raw", bytes(secret.value))

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
        return cls(secrets.token_bytes(KEY_BYTES))

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
        secret = Hidden(raw)
        del raw
        return cls(secret.value)

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
            An attacker who guesses the seed has the key.

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
        warn(
            "this key comes from a guessable seed and protects nothing; use "
            "SecretKey.generate() for real data",
            InsecureKeyWarning,
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
        return derive_fingerprint(self.__raw)

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
        return derive_subkey(self.__raw, label)

    def for_lock(self, index: int) -> "SecretKey":
        """Derive the key of one lock, for a holder who is to have no more.

        An encryptor of depth d applies d locks, one after the other, and lock i uses
        this key alone. Holders of different locks can therefore apply and remove them
        in turn, and none of them learns another's key or the whole one.

        Parameters
        ----------
        index : int
            Which lock, counted from 0.

        Returns
        -------
        SecretKey
            Independent of those of other locks; it does not reveal this key.

        Raises
        ------
        TypeError, ValueError
            If `index` is not an integer or is negative.

        Examples
        --------
        >>> key = SecretKey.from_bytes(bytes(range(32)))
        >>> key.for_lock(0)
        SecretKey(fingerprint='616f01d318942d3e')
        >>> key.for_lock(0) == key.for_lock(1)
        False
        """
        index = operator.index(index)
        if index < 0:
            raise ValueError(f"index must not be negative, got {index}")
        return SecretKey(self.subkey(f"v3/lock/{index}"))

    def for_owner(self, name: str) -> "SecretKey":
        """Derive the key of one of several owners of rows.

        It is the key of ``encryptor.for_owner(name)``, where `encryptor` has this key.

        Parameters
        ----------
        name : str
            Any text but an empty one.

        Returns
        -------
        SecretKey
            Independent of those of other owners; it does not reveal this key.

        Raises
        ------
        TypeError, ValueError
            If `name` is not a str or is empty.

        Examples
        --------
        >>> key = SecretKey.from_bytes(bytes(range(32)))
        >>> key.for_owner("north") == key.for_owner("south")
        False
        """
        if not isinstance(name, str):
            raise TypeError(f"name must be a str, got {type(name).__name__}")
        if not name:
            raise ValueError("name must not be empty")
        return SecretKey(self.subkey(f"v3/owner/{name}"))

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

    def save(
        self, path: str | os.PathLike, passphrase: str | bytes | KeyWrapper
    ) -> None:
        """Write the key to a new file, protected by a passphrase.

        The passphrase is stretched by Argon2id (64 MiB of memory) and the key
        encrypted with AES-256-GCM.  Only the owner may read the file (mode 0600).

        Parameters
        ----------
        path : str or path-like
            Where to write; nothing may be there. ``~`` is the home folder.
        passphrase : str, bytes or KeyWrapper
            At least 15 characters, five of them different, since a thief of the file
            can try passphrases without limit.  Text is normalised to NFKC and encoded
            as UTF-8.  A `KeyWrapper`, such as one that asks a key management service,
            protects the key in its own way.

        Raises
        ------
        FileExistsError
            If anything is at `path`; a key file is never overwritten.
        TypeError, ValueError
            If `passphrase` is neither text nor bytes, or is too short or too long.

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
        hidden = Hidden(passphrase)
        del passphrase
        write_private(path, as_wrapper(hidden).wrap(self.__raw))

    @classmethod
    def load(
        cls, path: str | os.PathLike, passphrase: str | bytes | KeyWrapper
    ) -> "SecretKey":
        """Read a key from the file that `save` wrote.

        Parameters
        ----------
        path : str or path-like
            Where the file is.
        passphrase : str, bytes or KeyWrapper
            What was given to `save`.

        Returns
        -------
        SecretKey

        Raises
        ------
        KeyFileError
            If it is not a key file, is truncated, has an unsupported version, was
            changed, or has another passphrase; the message says what to do.
        FileNotFoundError
            If nothing is at `path`.
        """
        hidden = Hidden(passphrase)
        del passphrase
        wrapper = as_wrapper(hidden)
        return cls(wrapper.unwrap(read_limited(path, KeyFileError)))

    @classmethod
    def change_passphrase(
        cls,
        path: str | os.PathLike,
        old: str | bytes | KeyWrapper,
        new: str | bytes | KeyWrapper,
    ) -> None:
        """Put a key file under another passphrase; the key stays what it is.

        Copies of the file, in backups for instance, still open with the old one. If
        that became known to somebody who may have a copy, make a new key instead and
        encrypt again.

        Parameters
        ----------
        path : str or path-like
            Path of the file that `save` wrote; it is replaced at one instant.
        old, new : str, bytes or KeyWrapper
            As in `save`.

        Raises
        ------
        KeyFileError
            As `load`; the file is then as it was.
        TypeError, ValueError
            As `save`; the file is then as it was.

        Examples
        --------
        >>> import os, tempfile
        >>> key = SecretKey.generate()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "my.key")
        ...     key.save(path, "correct horse battery staple")
        ...     SecretKey.change_passphrase(
        ...         path, "correct horse battery staple", "quick lamp velvet canyon"
        ...     )
        ...     SecretKey.load(path, "quick lamp velvet canyon") == key
        True
        """
        before, after = Hidden(old), Hidden(new)
        del old, new
        key = cls.load(path, before.value)
        replace_private(path, as_wrapper(after).wrap(key.__raw))

    def split(self, n_shares: int, threshold: int | None = None) -> list[KeyShare]:
        """Split the key into shares, some or all of which bring it back.

        Fewer shares than the threshold reveal nothing about the key beyond the
        fingerprint on each, whatever computing power is spent on them (Shamir, "How to
        Share a Secret", Communications of the ACM 22(11):612-613, 1979).

        Parameters
        ----------
        n_shares : int from 2 to 255
            How many shares to make.
        threshold : int from 2 to `n_shares`, default=None
            How many of them are needed; None stands for all, with a warning.

        Returns
        -------
        list of KeyShare, length `n_shares`
            Each has a text form, ``share.to_string()``.

        Raises
        ------
        TypeError, KeyShareError
            If a count is not an integer or is out of range.

        Warns
        -----
        UserWarning
            If `threshold` is None: with a single lost share the key is lost.

        Examples
        --------
        >>> key = SecretKey.generate()
        >>> shares = key.split(3, threshold=2)
        >>> SecretKey.combine([shares[0], shares[2]]) == key
        True
        """
        needed = n_shares if threshold is None else threshold
        shares = split_secret(self.__raw, n_shares, needed, self.fingerprint)
        if threshold is None:
            warn(
                f"all {n_shares} shares are needed to bring this key back, so that "
                "one lost share loses the key. Set threshold to the number that "
                f"is to be enough; threshold={n_shares} says that you mean all",
            )
        return shares

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
        >>> texts = [share.to_string() for share in key.split(2, threshold=2)]
        >>> SecretKey.combine(texts) == key
        True
        """
        hidden = Hidden(shares)
        del shares
        if isinstance(hidden.value, str | KeyShare):
            raise TypeError("shares must be a list of shares, got a single one")
        parsed = [*map(_as_share, map(Hidden, hidden.value))]
        key = cls(combine_shares(parsed))
        if key.fingerprint != parsed[0].key_fingerprint:
            raise KeyShareError(
                "these shares do not give the key that they name, so at least one "
                "was changed; replace them one by one"
            )
        return key

    def __repr__(self):
        if not hasattr(self, "_SecretKey__raw"):
            # As debuggers and tracebacks see it whose making failed.
            return "SecretKey(<without a key>)"
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
    if isinstance(share.value, str):
        return KeyShare.from_string(share.value)
    if not isinstance(share.value, KeyShare):
        raise TypeError(
            "every share must be a KeyShare or its text, got "
            f"{type(share.value).__name__}"
        )
    return share.value
