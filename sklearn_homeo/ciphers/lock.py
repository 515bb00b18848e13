"""The lock: a tweakable block cipher as wide as a row.

Naor and Reingold, "On the construction of pseudorandom permutations: Luby-Rackoff
revisited", Journal of Cryptology 12(1), 1999: two Feistel rounds of pseudorandom
functions between two universal hashes. As a network it is NICE (additive couplings,
Dinh et al. 2015), with conditioners that are pseudorandom.
"""

from sklearn_homeo.ciphers.prf import (
    HALF_BITS,
    KEY_BYTES,
    Hash,
    Prf,
    derive_key,
    hashed_columns,
)

__all__ = ["LEFT_BITS", "N_HASHED", "RIGHT_BITS", "Lock"]

LEFT_BITS, RIGHT_BITS = HALF_BITS, 23
# Columns that a hash is added to: 120 bits to the left, 115 to the right, more than
# the 112 that AES is given.
N_HASHED = 5


class Lock:
    """A keyed bijection of the halves of rows, for each tweak another one.

    With all additions modulo 2**24 in left and modulo 2**23 in right halves,

        L += h1(R);   R += F1(L, V);   L += F2(R, V);   R -= h2(L)

    where h1 and h2 are hashes that change the first five columns, F1 and F2 are
    pseudorandom functions, and V is the tweak. h2 acts on the other half than h1 does:
    if it undid h1 on its own half, chosen ciphertexts would break the lock.

    Parameters
    ----------
    key : bytes of length 32
        Its holder can set and open this lock, and no other.
    index : int
        Its number in the sequence of locks.
    width : int
        Columns of a row.
    n_tweaks : int
        Halves of a tweak.
    binding : bytes
        What the lock is bound to: a name of the fitted state.

    Attributes
    ----------
    h1, h2 : Hash
    f1, f2 : Prf
        Secret.

    Raises
    ------
    ValueError
        If `key` has not 32 bytes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_homeo.ciphers.base import Workspace
    >>> from sklearn_homeo.ciphers.lock import Lock
    >>> from sklearn_homeo.ciphers.prf import Inputs
    >>> lock = Lock(bytes(32), 0, 5, 2, b"binding")
    >>> left, right = np.zeros((2, 1, 5), np.uint32)
    >>> workspace = Workspace()
    >>> inputs = Inputs(5, np.zeros((1, 2)), workspace)
    >>> lock.forward(left, right, inputs, workspace)
    >>> bool(left.any())
    True
    >>> lock.inverse(left, right, inputs, workspace)
    >>> bool(left.any() or right.any())
    False
    """

    def __init__(self, key, index, width, n_tweaks, binding):
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key of a lock must have 32 bytes, got {len(key)}")
        self._arguments = (key, index, width, n_tweaks, binding)

        def sub_key(role):
            return derive_key(key, f"v3/lock/{index}/{role}", binding)

        def hash_of(role, bits):
            return Hash(sub_key(f"{role}/hash"), [bits] * width + [HALF_BITS])

        def prf(role, bits_in, bits_out):
            keys = sub_key(f"{role}/aes"), sub_key(f"{role}/hash")
            return Prf(*keys, width, n_tweaks, bits_in, bits_out)

        self.h1 = hash_of("h1", RIGHT_BITS)
        self.f1 = prf("F1", LEFT_BITS, RIGHT_BITS)
        self.f2 = prf("F2", RIGHT_BITS, LEFT_BITS)
        self.h2 = hash_of("h2", LEFT_BITS)

    def forward(self, left, right, inputs, workspace):
        """Set the lock, in place.

        Parameters
        ----------
        left, right : ndarray of shape (n_samples, width), dtype uint32
            Halves of 24 and of 23 bits, in the high bits.
        inputs : Inputs
            With the tweak.
        workspace : Workspace
        """
        first = left[:, :N_HASHED]
        first += _hashed(self.h1, right, LEFT_BITS, inputs, workspace)
        inputs.put(left)
        for columns, mask in self.f1.stream(inputs, workspace):
            right[:, columns] += mask
        inputs.put(right)
        for columns, mask in self.f2.stream(inputs, workspace):
            left[:, columns] += mask
        first = right[:, :N_HASHED]
        first -= _hashed(self.h2, left, RIGHT_BITS, inputs, workspace)

    def inverse(self, left, right, inputs, workspace):
        """Open the lock, in place; parameters as in `forward`."""
        first = right[:, :N_HASHED]
        first += _hashed(self.h2, left, RIGHT_BITS, inputs, workspace)
        inputs.put(right)
        for columns, mask in self.f2.stream(inputs, workspace):
            left[:, columns] -= mask
        inputs.put(left)
        for columns, mask in self.f1.stream(inputs, workspace):
            right[:, columns] -= mask
        first = left[:, :N_HASHED]
        first -= _hashed(self.h1, right, LEFT_BITS, inputs, workspace)

    def __reduce__(self):
        # Keys are a thousand times shorter than what is made of them.
        return type(self), self._arguments

    def __repr__(self):
        return "Lock(<secret>)"


def _hashed(hash_, half, bits, inputs, workspace):
    inputs.put(half)
    words = hash_.words(inputs, workspace)
    return hashed_columns(words, bits, workspace)[:, : half.shape[1]]
