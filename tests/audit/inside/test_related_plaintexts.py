"""Records next to a target: they give it away under a smooth map and nothing else."""

import numpy as np
import pytest
from weak_locks import FixedView, Net, cipher_with

from sklearn_homeo.audit import related_plaintext_attack
from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.ciphers.view_cipher import ViewCipher


class Bent(Net):
    """A smooth, keyed, invertible map of both halves, as the first edition's was."""

    def forward(self, left, right, tweak, workspace):
        numbers = left.astype(np.int64) << 15 | right >> np.uint32(9)
        numbers = np.where(numbers < 2**46, numbers, numbers - 2**47)
        units = numbers * 2.0**-27
        bent = np.rint((units + 0.3 * np.sin(2 * units)) * 2**27).astype(np.int64)
        left[:] = (bent >> 15).astype(np.uint32) & np.uint32(0xFFFFFF00)
        right[:] = bent.astype(np.uint32) << np.uint32(9)


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).normal(size=(500, 6))


def test_a_smooth_map_gives_the_target_away(X):
    found = related_plaintext_attack(
        cipher_with(Bent(width=6), 6), X[:400], X[400:], random_state=0
    )
    assert found.rate > 0.9
    assert found.r2 > 0.1


def test_the_cipher_gives_nothing_away(X):
    lattice = Lattice.from_data(X)
    cipher = ViewCipher(lattice, FixedView(6), [bytes(32)], b"digest")
    found = related_plaintext_attack(cipher, X[:400], X[400:], random_state=0)
    assert found.r2 <= 0.01
    assert found.interval[0] <= found.chance
    # Nearer than a lattice step there is nothing but the target itself.
    assert found.n_equal > 0
    assert found.n + found.n_equal == 100 * 6 * 5


def test_bad_input(X):
    cipher = cipher_with(Net(width=6), 6)
    with pytest.raises(ValueError, match="X_target contains NaN|contains NaN"):
        related_plaintext_attack(cipher, X, X * np.nan)
