"""The fitted state: canonical bytes, a digest, and a cipher from state and key."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_wine

from problems import CIPHERS, KEY, wine
from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.ciphers.base import Workspace
from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.encryption._building import build_cipher, cipher_keys
from sklearn_homeo.encryption._fitting import LatticeRows
from sklearn_homeo.encryption._state import canonical_bytes, digest

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
states = st.recursive(
    scalars | st.lists(st.floats(), max_size=3).map(np.array),
    lambda values: st.dictionaries(st.text(), values, max_size=4),
    max_leaves=8,
)


def same(a, b):
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float) and isinstance(b, float):
        return np.float64(a).tobytes() == np.float64(b).tobytes()
    return type(a) is type(b) and not isinstance(a, dict | np.ndarray) and a == b


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(), states), st.dictionaries(st.text(), states))
def test_bytes_are_equal_only_for_equal_states(a, b):
    assert (canonical_bytes(a) == canonical_bytes(b)) == same(a, b)
    shuffled = {key: a[key] for key in reversed(list(a))}
    assert canonical_bytes(shuffled) == canonical_bytes(a)


def test_bytes_do_not_depend_on_layout_or_byte_order():
    array = np.arange(12.0).reshape(3, 4)
    for other in (np.asfortranarray(array), array.astype(">f8"), array.copy()[:, ::1]):
        assert digest({"a": other}) == digest({"a": array})
    for other in (array.T, array.ravel(), array.astype(np.float32), -array):
        assert digest({"a": other}) != digest({"a": array})
    with pytest.raises(TypeError, match="cannot hold a set"):
        canonical_bytes({"a": {1}})


@pytest.mark.parametrize("options", CIPHERS)
def test_a_state_and_a_key_rebuild_the_cipher(options):
    X, y = wine()
    encryptor = HomeomorphicEncryptor(key=KEY, **options).fit(X, y)
    state = pickle.loads(pickle.dumps(encryptor._state))
    cipher = build_cipher(state, KEY, cipher_keys(state, KEY))
    Z, back = encryptor.transform(X), np.empty(X.shape)
    assert cipher.decrypt(Z, back).all()
    np.testing.assert_array_equal(back, encryptor.inverse_transform(Z))
    if not options.get("randomized"):
        again = np.empty_like(Z)
        cipher.encrypt(X, again)
        np.testing.assert_array_equal(again, Z)


def test_a_state_holds_nothing_of_the_key():
    X, y = load_wine(return_X_y=True)
    states = [HomeomorphicEncryptor().fit(X, y)._state for _ in range(2)]
    assert digest(states[0]) == digest(states[1])
    shapes = {key: np.shape(value) for key, value in states[0]["view"].items()}
    assert json.dumps(shapes)


def test_rows_are_rounded_when_they_are_taken():
    X = np.random.default_rng(0).normal(size=(9, 3))
    lattice = Lattice.from_data(X)
    rows, whole = LatticeRows(lattice, X), lattice.round(X, Workspace())
    assert len(rows) == 9
    for some in (slice(2, 5), np.array([7, 1]), np.arange(9) > 4):
        np.testing.assert_array_equal(rows[some], whole[some])
