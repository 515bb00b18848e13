"""Distinguishers: every weak lock is found, and a sound one never is."""

import numpy as np
import pytest
from weak_locks import FixedView, Linear, Net, StuckCounter, UndoneHash, cipher_with

from sklearn_homeo.audit import distinguisher_attack
from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.ciphers.view_cipher import ViewCipher


def attack(cipher, direction="encrypt", seed=0):
    return distinguisher_attack(
        cipher, n_rows=1024, direction=direction, random_state=seed
    )


@pytest.mark.parametrize(
    ("lock", "direction"), [(Linear, "encrypt"), (StuckCounter, "decrypt")]
)
def test_weak_locks_are_found(lock, direction):
    found = attack(cipher_with(lock()), direction)
    assert found.hits >= 1
    assert min(found.p_values.values()) < 1e-12


@pytest.mark.parametrize(
    ("n_features", "direction"), [(3, "encrypt"), (13, "encrypt"), (13, "decrypt")]
)
def test_the_cipher_is_not_found(n_features, direction):
    X = np.random.default_rng(0).normal(size=(100, n_features))
    lattice = Lattice.from_data(X)
    view = FixedView(lattice.width)
    cipher = ViewCipher(lattice, view, [bytes(range(32))], b"digest")
    assert attack(cipher, direction).hits == 0


@pytest.mark.parametrize("lock", [Net, UndoneHash])
def test_nor_is_a_sound_net_nor_what_only_chosen_ciphertexts_break(lock):
    found = attack(cipher_with(lock()))
    assert found.hits == 0
    # Of p-values that are uniform or larger, few are small.
    assert np.mean(np.array(list(found.p_values.values())) < 0.05) < 0.2


def test_without_locks_there_is_nothing_to_attack():
    from sklearn_homeo import HomeomorphicEncryptor

    X = np.random.default_rng(0).normal(size=(100, 4))
    with pytest.raises(ValueError, match="no locks to attack"):
        attack(HomeomorphicEncryptor(leakage="space").fit(X))
