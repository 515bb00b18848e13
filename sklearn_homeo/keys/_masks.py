"""Masks that cancel: numbers of which only the sum over all owners becomes known."""

import hashlib

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from sklearn_homeo.keys._derivation import derive_mask_key

__all__ = ["MaskingKey"]

_BLOCK_BYTES, _WORD_BYTES = 16, 8


class MaskingKey:
    """An owner's key for masks that he shares with every other owner.

    Each pair of owners agrees on a secret, by X25519, from which HKDF-SHA256 and AES in
    counter mode make as many random words as there are numbers. One of the two adds
    them to his numbers, the other subtracts them, modulo 2**64: one owner's numbers
    alone are uniformly random, and the sum over all owners is that without masks.

    Parameters
    ----------
    private : X25519PrivateKey
        A private key of ``cryptography``; `generate` draws one.

    Attributes
    ----------
    public : str
        What all other owners need, in 64 hexadecimal digits.

    See Also
    --------
    Summary.masked : Where it is used.

    Notes
    -----
    A person who passes the public keys on could pass his own: owners should compare
    them another way, as they compare a `SecretKey`'s fingerprint. The key is in memory
    only, for one fit; there is nothing to save.

    Examples
    --------
    >>> from sklearn_homeo import MaskingKey
    >>> key = MaskingKey.generate()
    >>> len(key.public)
    64
    """

    def __init__(self, private: X25519PrivateKey):
        if not isinstance(private, X25519PrivateKey):
            kind = type(private).__name__
            raise TypeError(f"private must be an X25519PrivateKey, got {kind}.")
        self._private = private
        self._masked: dict[bytes, bytes] = {}

    @classmethod
    def generate(cls) -> "MaskingKey":
        """Draw a key from the operating system's random source.

        Returns
        -------
        MaskingKey
            A new one.
        """
        return cls(X25519PrivateKey.generate())

    @property
    def public(self) -> str:
        """What all other owners need."""
        return self._private.public_key().public_bytes_raw().hex()

    def mask(
        self, words: np.ndarray, owner: str, roster: dict[str, str], context: str
    ) -> np.ndarray:
        """Add one owner's masks to his numbers.

        Parameters
        ----------
        words : ndarray of shape (n,), dtype int64
            His numbers.
        owner : str
            His name.
        roster : dict of str to str
            Names of all owners, and their public keys.
        context : str
            What the numbers belong to. Numbers of different contexts have different
            masks.

        Returns
        -------
        ndarray of shape (n,), dtype int64
            What he may send.

        Raises
        ------
        TypeError
            If an argument is of another type.
        ValueError
            If the roster has fewer than 2 owners or not this key under `owner`, or if
            other numbers were masked in this context before: the difference of the two
            would tell of them.
        """
        _check_types(words, owner, roster, context)
        if len(roster) < 2:
            raise ValueError("roster must name at least 2 owners.")
        if roster.get(owner) != self.public:
            raise ValueError(f"roster has another public key for the owner {owner!r}.")
        binding = _binding(roster, context)
        content = hashlib.sha256(words.tobytes()).digest()
        if self._masked.setdefault(binding, content) != content:
            raise ValueError(
                "Other numbers were masked in this round before, and the difference of "
                "the two would tell of them. Start again with new masking keys."
            )
        total = words.astype(np.int64).view(np.uint64)
        for name, public in roster.items():
            if name != owner:
                pad = self._pad(public, binding, len(words))
                total = total + pad if owner < name else total - pad
        return total.view(np.int64)

    def _pad(self, public, binding, n_words):
        """Random words that this owner and another one share."""
        try:
            other = X25519PublicKey.from_public_bytes(bytes.fromhex(public))
        except ValueError:
            raise ValueError("roster holds something else than public keys.") from None
        pair = sorted([bytes.fromhex(self.public), other.public_bytes_raw()])
        secret = self._private.exchange(other)
        key = derive_mask_key(secret, binding + b"".join(pair))
        stream = Cipher(AES(key), CTR(bytes(_BLOCK_BYTES))).encryptor()
        return np.frombuffer(stream.update(bytes(_WORD_BYTES * n_words)), "<u8")

    def __repr__(self) -> str:
        return f"MaskingKey({self.public[:16]}...)"


def _check_types(words, owner, roster, context):
    if not isinstance(words, np.ndarray) or words.dtype.kind not in "iu":
        raise TypeError("words must be an array of integers.")
    for name, text in {"owner": owner, "context": context}.items():
        if not isinstance(text, str):
            raise TypeError(f"{name} must be a str, got {type(text).__name__}.")
    if not isinstance(roster, dict) or not all(
        isinstance(text, str) for item in roster.items() for text in item
    ):
        raise TypeError("roster must be a dict of names to public keys.")


def _binding(roster, context):
    """A digest of what the masks belong to: every name and key with its length."""
    found = hashlib.sha256()
    parts = [context, *(part for item in sorted(roster.items()) for part in item)]
    for part in parts:
        content = part.encode()
        found.update(len(content).to_bytes(8, "little") + content)
    return found.digest()
