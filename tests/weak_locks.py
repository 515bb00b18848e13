"""Locks that are broken in one way each, which the attacks from inside must find.

All are the package's net with functions of their own, so that nothing but the named
weakness differs from `sound`, which no attack may find.
"""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.ciphers.view_cipher import ViewCipher

N_HASHED = 5
LEFT, RIGHT = np.uint32(8), np.uint32(9)  # Low bits of uint32 that halves do not use.


class FixedView:
    """The same codes for all rows."""

    n_cells = 1

    def __init__(self, width):
        self.width = width

    def codes(self, u):
        return np.zeros((len(u), self.width), dtype=np.int64)


class Net:
    """L += h1(R); R += F1(L); L += F2(R); R -= h2(L)."""

    def __init__(self, seed=0, width=13):
        rng = np.random.default_rng(seed)
        self.words = rng.integers(2**64, size=(4, width, N_HASHED), dtype=np.uint64)
        self.aes = [Cipher(AES(rng.bytes(32)), ECB()) for _ in range(2)]
        self.maps = rng.integers(2**32, size=(2, width, width), dtype=np.uint64)

    def hashed(self, i, half):
        return (half.astype(np.uint64) @ self.words[i] >> np.uint64(32)).astype("u4")

    def random(self, i, half):
        """A pseudorandom function: AES on a hash and a counter."""
        hashed = half.astype(np.uint64) @ self.words[i + 2][:, :1]
        blocks = np.zeros((*half.shape, 2), np.uint64)
        blocks[..., 0] = hashed
        blocks[..., 1] = self.counters(half.shape[1])
        stream = self.aes[i].encryptor().update(blocks.tobytes())
        return np.frombuffer(stream, "u4").reshape(*half.shape, 4)[..., 0]

    def counters(self, width):
        return np.arange(width)

    def forward(self, left, right, tweak, workspace):
        left[:, :N_HASHED] += self.hashed(0, right) >> LEFT << LEFT
        right += self.random(0, left) >> RIGHT << RIGHT
        left += self.random(1, right) >> LEFT << LEFT
        self.last(left, right, -1)

    def inverse(self, left, right, tweak, workspace):
        self.last(left, right, 1)
        left -= self.random(1, right) >> LEFT << LEFT
        right -= self.random(0, left) >> RIGHT << RIGHT
        left[:, :N_HASHED] -= self.hashed(0, right) >> LEFT << LEFT

    def last(self, left, right, sign):
        added = self.hashed(1, left) >> RIGHT << RIGHT
        right[:, :N_HASHED] += added if sign > 0 else -added


class Linear(Net):
    """The pseudorandom functions are integer linear maps."""

    def random(self, i, half):
        return (half.astype(np.uint64) @ self.maps[i]).astype(np.uint32)


class StuckCounter(Net):
    """All blocks of a row are the same."""

    def counters(self, width):
        return np.arange(width) % 4


class UndoneHash(Net):
    """The last hash undoes the first one, on the same half."""

    def last(self, left, right, sign):
        added = self.hashed(0, right) >> LEFT << LEFT
        left[:, :N_HASHED] += added if sign > 0 else -added


def cipher_with(lock, width=13):
    """A cipher whose only lock is this one."""
    lattice = Lattice(np.zeros(width), np.ones(width))
    cipher = ViewCipher(lattice, FixedView(width), [bytes(32)], b"digest")
    cipher.locks = [lock]
    return cipher
