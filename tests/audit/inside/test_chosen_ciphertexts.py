"""Chosen ciphertexts: they break a lock whose last hash undoes the first; forgeries."""

import numpy as np
import pytest
from scipy.stats import binomtest
from weak_locks import FixedView, Net, UndoneHash, cipher_with

from sklearn_homeo.audit import chosen_ciphertext_attack, forgery_attack
from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.ciphers.view_cipher import ViewCipher


def records(n_features, n_samples=300):
    return np.random.default_rng(0).normal(size=(n_samples, n_features))


def shipped(n_features, range_bits=40, n_locks=1):
    X = records(n_features)
    lattice = Lattice(X.mean(axis=0), X.std(axis=0), range_bits=range_bits)
    keys = [bytes([i]) * 32 for i in range(n_locks)]
    return ViewCipher(lattice, FixedView(lattice.width), keys, b"digest"), X


def test_a_last_hash_that_undoes_the_first_is_found():
    cipher = cipher_with(UndoneHash())
    assert chosen_ciphertext_attack(cipher, n_trials=50, random_state=0).rate == 1.0


@pytest.mark.parametrize("n_features", [3, 5, 13, 300])
def test_the_cipher_is_not(n_features):
    cipher, _ = shipped(n_features)
    assert chosen_ciphertext_attack(cipher, n_trials=50, random_state=0).hits == 0
    sound = cipher_with(Net(width=n_features), n_features) if n_features > 4 else cipher
    assert chosen_ciphertext_attack(sound, n_trials=50, random_state=0).hits == 0


@pytest.mark.parametrize("n_features", [10, 30])
def test_no_forgery_is_accepted(n_features):
    cipher, X = shipped(n_features)
    found = forgery_attack(cipher, X, n_attempts=20_000, random_state=0)
    assert found.hits == 0
    assert found.n > 15_000
    assert found.chance == 2.0 ** (-6 * n_features)
    assert {"bit of a view", "mixed columns", "zeros"} <= set(found.accepted)


def test_with_little_redundancy_the_share_is_that_of_the_claim():
    # 46 - 45 = 1 bit in each of 5 columns.
    cipher, X = shipped(5, range_bits=45)
    found = forgery_attack(cipher, X, n_attempts=20_000, random_state=0)
    share = found.accepted["uniform residues"]
    assert binomtest(share, -(-20_000 // 7), 2.0**-5).pvalue > 1e-4
