"""The whole cipher: round trips, refusals, and golden vectors."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import plain_cipher
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from threadpoolctl import threadpool_limits
from views import BitsView, ConstantView

from sklearn_homeo.ciphers.base import RowOutOfRange
from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.ciphers.view_cipher import ViewCipher

GOLDEN = Path(__file__).parents[1] / "data" / "ciphers_v3.json"
BINDING = bytes(range(32))
# Standard deviations; half a step is 3.7e-9.
TOLERANCE = 4e-9


def lock_keys(depth, seed=0):
    return [bytes([seed, i]) * 16 for i in range(depth)]


def make_cipher(n, depth=1, view=BitsView, keys=None, **settings):
    lattice = Lattice(np.zeros(n), np.ones(n), **settings)
    return ViewCipher(lattice, view(lattice.width), keys or lock_keys(depth), BINDING)


def encrypted(cipher, X, **settings):
    Z = np.empty((len(X), cipher.width))
    cipher.encrypt(X, Z, **settings)
    return Z


def decrypted(cipher, Z, **settings):
    X = np.empty((len(Z), cipher.n_features))
    valid = cipher.decrypt(Z, X, **settings)
    return X, valid


def normal(n_rows, n, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, n))


def assert_refused(cipher, Z, **settings):
    assert not decrypted(cipher, Z, **settings)[1].any()


# Round trips ---------------------------------------------------------------------


@given(
    n=st.integers(1, 300),
    depth=st.integers(1, 5),
    size=st.sampled_from([1.0, 50.0, 1000.0]),
    randomized=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None)
def test_rows_come_back(n, depth, size, randomized, seed):
    rng = np.random.default_rng(seed)
    lattice = Lattice(
        rng.normal(size=n), 10 ** rng.uniform(-3, 3, n), randomized=randomized
    )
    view = BitsView(lattice.width)
    cipher = ViewCipher(lattice, view, lock_keys(depth), BINDING)
    X = lattice.mean + lattice.scale * size * rng.normal(size=(3, n))
    back, valid = decrypted(cipher, encrypted(cipher, X))
    assert valid.all()
    assert np.abs((back - X) / lattice.scale).max() <= TOLERANCE


@pytest.mark.parametrize(("n", "depth"), [(512, 3), (1280, 3), (25_000, 2)])
def test_wide_rows_come_back_also_50_deviations_out(n, depth):
    cipher = make_cipher(n, depth)
    X = 50 * normal(4, n)
    back, valid = decrypted(cipher, encrypted(cipher, X))
    assert valid.all()
    assert np.abs(back - X).max() <= TOLERANCE


@pytest.mark.parametrize("n", [1, 5, 300])
def test_decrypted_rows_encrypt_to_the_same_numbers(n):
    cipher = make_cipher(n, 2)
    Z = encrypted(cipher, 30 * normal(50, n))
    np.testing.assert_array_equal(encrypted(cipher, decrypted(cipher, Z)[0]), Z)


def test_rows_may_be_of_other_types_and_overwritten():
    cipher = make_cipher(6)
    X = np.arange(60).reshape(10, 6)
    Z = X.astype(np.float64)
    cipher.encrypt(Z, Z)
    np.testing.assert_array_equal(Z, encrypted(cipher, X))
    np.testing.assert_array_equal(Z, encrypted(cipher, X.astype(np.float32)))
    assert cipher.decrypt(Z, Z).all()
    np.testing.assert_array_equal(Z, X)


def test_the_view_is_in_the_high_bits_and_preserved():
    cipher, X = make_cipher(7), normal(20, 7)
    u = np.rint(X * 2**27).astype(np.int64)
    codes = np.floor(encrypted(cipher, X) * 8)
    np.testing.assert_array_equal(codes, cipher.view.codes(u))
    np.testing.assert_array_equal(cipher.preserve(X), u[:, :2])


def test_a_row_out_of_range_is_named_wherever_it_is():
    cipher, X = make_cipher(700), np.zeros((1000, 700))
    X[901, 33] = -9000
    with pytest.raises(RowOutOfRange, match="row 901 .* in column 33"):
        encrypted(cipher, X)
    with pytest.raises(RowOutOfRange, match="row 901 .* in column 33"):
        cipher.preserve(X)


# The same bits everywhere -----------------------------------------------------------


@pytest.mark.parametrize("n", [3, 130, 700])
def test_batches_and_threads_do_not_change_a_bit(n):
    cipher, X = make_cipher(n, 3), normal(601, n)
    with threadpool_limits(2):
        Z = encrypted(cipher, X)
        back = decrypted(cipher, Z)[0]
    with threadpool_limits(1):
        np.testing.assert_array_equal(encrypted(cipher, X), Z)
        for rows in (1, 7, 100):
            pieces = [X[i : i + rows] for i in range(0, 601, rows)]
            found = np.concatenate([encrypted(cipher, piece) for piece in pieces])
            np.testing.assert_array_equal(found, Z)
        np.testing.assert_array_equal(decrypted(cipher, Z[:7])[0], back[:7])


PRINT_HASH = """
import hashlib, sys
import numpy as np
sys.path.insert(0, {tests!r})
from views import BitsView
from sklearn_homeo.ciphers.lattice import Lattice
from sklearn_homeo.ciphers.view_cipher import ViewCipher
lattice = Lattice(np.zeros(700), np.ones(700))
cipher = ViewCipher(lattice, BitsView(700), {keys!r}, {binding!r})
X = np.random.default_rng(0).normal(size=(50, 700))
cipher.encrypt(X, X)
print(hashlib.sha256(X.tobytes()).hexdigest())
"""


# CI runs all tests on one kind of processor.
@pytest.mark.parametrize("kernel", ["Nehalem", "Haswell"])
def test_kernels_of_blas_do_not_change_a_bit(kernel):
    tests = str(Path(__file__).parents[1])
    program = PRINT_HASH.format(tests=tests, keys=lock_keys(2), binding=BINDING)
    printed = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "OPENBLAS_CORETYPE": kernel},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    Z = encrypted(make_cipher(700, 2), normal(50, 700))
    assert printed.strip() == hashlib.sha256(Z.tobytes()).hexdigest()


def golden_case(width, depth, context):
    rng = np.random.default_rng(width)
    u = rng.integers(-(2**40), 2**40, width)
    u[0], u[-1] = -(2**40), 2**40 - 1
    codes = BitsView(width).codes(u[None])[0]
    keys = [bytes([i + 1]) * 32 for i in range(depth)]
    numbers = plain_cipher.encrypt(u.tolist(), codes.tolist(), keys, BINDING, context)
    return {
        "binding": BINDING.hex(),
        "lock_keys": [key.hex() for key in keys],
        "context": None if context is None else context.hex(),
        "integers": u.tolist(),
        "codes": codes.tolist(),
        "numbers": numbers,
    }


def golden_cases():
    return json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("case", golden_cases(), ids=lambda c: len(c["integers"]))
def test_golden_vectors(case):
    u = np.array([case["integers"]])
    keys = [bytes.fromhex(key) for key in case["lock_keys"]]
    context = None if case["context"] is None else bytes.fromhex(case["context"])
    cipher = make_cipher(u.shape[1], keys=keys)
    np.testing.assert_array_equal(cipher.view.codes(u), [case["codes"]])
    Z = encrypted(cipher, u * 2.0**-27, context=context)
    assert [int(z) for z in Z[0] * 2.0**50] == case["numbers"]
    back, valid = decrypted(cipher, Z, context=context)
    assert valid.all()
    np.testing.assert_array_equal(back * 2.0**27, u)


@pytest.mark.parametrize("case", golden_cases(), ids=lambda c: len(c["integers"]))
def test_golden_vectors_in_python_integers(case):
    keys = [bytes.fromhex(key) for key in case["lock_keys"]]
    context = None if case["context"] is None else bytes.fromhex(case["context"])
    binding = bytes.fromhex(case["binding"])
    arguments = keys, binding, context
    found = plain_cipher.encrypt(case["integers"], case["codes"], *arguments)
    assert found == case["numbers"]
    assert plain_cipher.decrypt(case["numbers"], *arguments) == case["integers"]


# Refusals -----------------------------------------------------------------------------


def one_bit_changed(Z, rng):
    integers = (Z * 2.0**50).astype(np.int64)
    rows = np.arange(len(Z))
    columns = rng.integers(0, Z.shape[1], len(Z))
    bits = np.int64(1) << rng.integers(0, 53, len(Z))
    integers[rows, columns] = (integers[rows, columns] + 2**52 ^ bits) - 2**52
    return integers * 2.0**-50


@pytest.mark.parametrize("n", [10, 64])
@pytest.mark.parametrize("view", [BitsView, ConstantView])
def test_one_changed_bit_is_refused(n, view):
    cipher, rng = make_cipher(n, view=view), np.random.default_rng(0)
    Z = one_bit_changed(encrypted(cipher, normal(20_000, n)), rng)
    assert_refused(cipher, Z)


def in_column_3(Z, other):
    return np.where(np.arange(10) == 3, other, Z)


OTHER_ROWS = {
    "float32": lambda Z: Z.astype(np.float32),
    "zeros": np.zeros_like,
    "twice": lambda Z: 2 * Z,
    "half": lambda Z: Z / 2,
    "negative": lambda Z: -Z,
    "sums": lambda Z: Z + Z[::-1],
    "means": lambda Z: (Z + Z[::-1]) / 2,
    "next number": lambda Z: np.nextafter(Z, 9),
    "one step more": lambda Z: Z + 2.0**-50,
    "first columns swapped": lambda Z: Z[:, [1, 0, *range(2, 10)]],
    "last columns swapped": lambda Z: Z[:, [*range(8), 9, 8]],
    "column of another row": lambda Z: in_column_3(Z, Z[::-1]),
    "not a number": lambda Z: in_column_3(Z, np.nan),
    "minus zero": lambda Z: in_column_3(Z, -0.0),
}


@pytest.mark.parametrize("name", OTHER_ROWS)
def test_what_is_no_ciphertext_is_refused(name):
    cipher = make_cipher(10)
    assert_refused(cipher, OTHER_ROWS[name](encrypted(cipher, normal(500, 10))))


def test_uniform_numbers_are_refused():
    drawn = np.random.default_rng(1).integers(-(2**52), 2**52, (20_000, 10))
    assert_refused(make_cipher(10), drawn * 2.0**-50)


def test_other_keys_bindings_contexts_and_orders_are_refused():
    X = normal(500, 10)
    cipher = make_cipher(10, depth=2)
    Z = encrypted(cipher, X)
    assert_refused(make_cipher(10, keys=lock_keys(2, seed=1)), Z)
    assert_refused(make_cipher(10, keys=lock_keys(2)[::-1]), Z)
    assert_refused(make_cipher(10, keys=lock_keys(1)), Z)
    assert_refused(make_cipher(10, keys=lock_keys(3)), Z)
    assert_refused(ViewCipher(cipher.lattice, cipher.view, lock_keys(2), b"other"), Z)
    assert_refused(cipher, Z, context=b"")
    Z = encrypted(cipher, X, context=b"table 1")
    assert decrypted(cipher, Z, context=b"table 1")[1].all()
    assert_refused(cipher, Z, context=b"table 2")
    assert_refused(cipher, Z)


@pytest.mark.parametrize(
    ("n", "range_bits", "log_share"), [(5, 45, -5), (3, 44, -100), (6, 43, -18)]
)
def test_forgeries_pass_as_often_as_the_formula_says(n, range_bits, log_share):
    """A test build of ``46 - range_bits`` redundant bits; zeros have all 47."""
    cipher = make_cipher(n, range_bits=range_bits)
    n_rows = 40_000
    Z = encrypted(cipher, normal(n_rows, n))
    tampered = one_bit_changed(Z, np.random.default_rng(3))
    accepted = decrypted(cipher, tampered)[1].sum()
    low, high = binom.interval(0.9999, n_rows, 2.0**log_share)
    assert low <= accepted <= high


def test_rows_that_differ_in_a_step_have_unlike_residues():
    cipher = make_cipher(20, view=ConstantView)
    X = np.tile(normal(1, 20), (20, 1))
    X[np.arange(20), np.arange(20)] += 2.0**-27
    integers = (encrypted(cipher, X) * 2.0**50).astype(np.int64)
    changed = np.bitwise_count(integers[:, None] ^ integers)[~np.eye(20, dtype=bool)]
    low, high = binom.interval(0.9999, changed.size // 2 * 47, 0.5)
    assert low <= changed.sum() / 2 <= high
    assert (changed > 0).all()


def test_randomized_rows_differ_each_time():
    cipher = make_cipher(4, view=ConstantView, randomized=True)
    X = np.zeros((300, 4))
    Z = encrypted(cipher, X)
    assert Z.shape == (300, 7)
    assert len(np.unique(Z)) == Z.size
    back, valid = decrypted(cipher, Z)
    assert valid.all() and not back.any()


def test_every_lock_is_needed():
    keys, X, other = lock_keys(3), normal(20, 8), b"\xff" * 32
    Z = encrypted(make_cipher(8, keys=keys), X)
    for i in range(3):
        assert_refused(make_cipher(8, keys=[*keys[:i], other, *keys[i + 1 :]]), Z)


def test_secrets_stay_out_of_the_repr_and_pickles_work():
    cipher = make_cipher(400, 2)
    assert repr(cipher) == "ViewCipher(<2 secret locks>)"
    pickled = pickle.dumps(cipher)
    assert len(pickled) < 20_000
    X = normal(5, 400)
    np.testing.assert_array_equal(
        encrypted(pickle.loads(pickled), X), encrypted(cipher, X)
    )


if __name__ == "__main__":
    cases = [(5, 1, None), (6, 3, b""), (13, 2, b"context"), (130, 2, None)]
    GOLDEN.write_text(json.dumps([golden_case(*case) for case in cases], indent=1))
