"""The universal hash, whose claim is enumerated, and the function made of it."""

import itertools

import numpy as np
import plain_cipher
import pytest

from sklearn_homeo.ciphers.base import Workspace
from sklearn_homeo.ciphers.prf import (
    Hash,
    Inputs,
    Prf,
    derive_key,
    hashed_columns,
)

KEY, OTHER = bytes(range(32)), bytes(32)
RNG = np.random.default_rng(0)


def halves(rng, n_rows, width, bits):
    values = rng.integers(0, 2**bits, (n_rows, width))
    values[0, :] = 2 ** (bits - 1)  # The most negative one.
    return values, (values << (32 - bits)).astype(np.uint32)


def make_inputs(row, tweak=None, workspace=None):
    tweak = np.empty((len(row), 0)) if tweak is None else tweak.view(np.int32)
    inputs = Inputs(row.shape[1], tweak, workspace or Workspace())
    inputs.put(row)
    return inputs


def drawn(prf, row, tweak):
    """Values of a function, with as many calls as it takes."""
    parts = prf.stream(make_inputs(row, tweak), Workspace())
    return np.concatenate([part.copy() for _, part in parts], axis=1)


def all_words(word_bits, n_inputs):
    """Every key (k_0, k_1, ...) of words of so many bits, a key a column."""
    grid = np.indices((2**word_bits,) * (n_inputs + 1))
    return grid.reshape(n_inputs + 1, -1)


def joint_counts(keys, pair, word_bits, kept, cut):
    """How often each pair of hashes comes up over all keys."""
    hashes = []
    for x in pair:
        word = (keys[0] + np.tensordot(x, keys[1:], 1)) % 2**word_bits
        hashes.append((word >> cut) % 2**kept)
    return np.bincount(hashes[0] * 2**kept + hashes[1], minlength=4**kept)


@pytest.mark.parametrize(("word_bits", "input_bits"), [(5, 2), (6, 3), (6, 2), (5, 4)])
def test_kept_bits_of_two_rows_are_uniform_and_independent(word_bits, input_bits):
    keys = all_words(word_bits, 2)
    kept = word_bits - input_bits + 1
    values = range(-(2 ** (input_bits - 1)), 2 ** (input_bits - 1))
    rows = list(itertools.product(values, repeat=2))
    # The hash depends on the difference alone, up to what k_0 makes uniform: compare
    # each row to one, and some at random.
    pairs = [(rows[0], row) for row in rows[1:]]
    pairs += [[rows[i] for i in RNG.choice(len(rows), 2, False)] for _ in range(20)]
    for pair in pairs:
        counts = joint_counts(keys, np.array(pair), word_bits, kept, input_bits - 1)
        assert set(counts.tolist()) == {keys.shape[1] // 4**kept}


def test_what_happens_with_fewer_bits_cut_off_or_without_the_constant():
    keys = all_words(6, 1)
    pair = np.array([[3], [-1]])  # They differ by 4 = 2**2, of 3 bits.

    def collisions(counts, kept):
        return np.trace(counts.reshape(2**kept, -1)) / counts.sum()

    assert collisions(joint_counts(keys, pair, 6, 4, 2), 4) == 2**-4
    assert collisions(joint_counts(keys, pair, 6, 6, 0), 6) == 2**-4 > 2**-6
    keys[0] = 0
    differences = np.subtract(*np.divmod(np.arange(4**4), 2**4)) % 2**4
    most = 0.0
    for pair in itertools.combinations(range(-4, 4), 2):
        counts = joint_counts(keys, np.array(pair)[:, None], 6, 4, 2)
        most = max(most, np.bincount(differences, counts).max() / counts.sum())
    assert 2**-4 < most <= 2**-3


def test_sums_of_1024_products_are_exact_at_their_largest():
    hash_ = Hash(KEY, [24] * 3000)
    assert np.abs(hash_.limbs).max() * 2**8 <= 2**20
    assert 1024 * 2**20 * 2**23 <= 2**53


@pytest.mark.parametrize("width", [1, 4, 512, 1024, 1025, 3000])
@pytest.mark.parametrize("bits", [23, 24])
def test_hash_equals_python_integers(width, bits):
    values, packed = halves(np.random.default_rng(width), 3, width, bits)
    hash_ = Hash(KEY, [bits] * width + [24])
    found = hash_.words(make_inputs(packed), Workspace())
    for row, words in zip(values.tolist(), found.T.tolist(), strict=True):
        inputs = [*(plain_cipher.signed(x, bits) for x in row), 1]
        expected = plain_cipher.hash_words(KEY, inputs)
        assert [word >> 4 for word in words] == expected


def test_hash_does_not_depend_on_how_rows_are_batched():
    _, rows = halves(RNG, 1000, 1700, 24)
    hash_ = Hash(KEY, [24] * 1701)
    expected = hash_.words(make_inputs(rows), Workspace()).copy()
    for n_rows in (1, 7, 333):
        found = hash_.words(make_inputs(rows[:n_rows]), Workspace())
        np.testing.assert_array_equal(found, expected[:, :n_rows])


def test_what_a_workspace_held_before_does_not_matter():
    workspace = Workspace()
    for shape in [(50, 90), (20, 700), (7, 3), (300, 40)]:
        _, rows = halves(RNG, *shape, 24)
        hash_ = Hash(KEY, [24] * (shape[1] + 1))
        found = hash_.words(make_inputs(rows, workspace=workspace), workspace)
        expected = hash_.words(make_inputs(rows), Workspace())
        np.testing.assert_array_equal(found, expected)
        workspace.array("numbers/2", (10**6,), np.float64)[:] = np.nan


@pytest.mark.parametrize("bits", [23, 24])
def test_hashed_columns_use_each_kept_bit_once(bits):
    words = np.uint64(1) << np.arange(4, 64, dtype=np.uint64)
    seen = np.zeros((5, 32), dtype=int)
    for j in range(2):
        row = np.zeros((2, 60), np.uint64)
        row[j] = words
        columns = hashed_columns(row, bits, Workspace())
        assert (np.bitwise_count(columns).sum(axis=1) <= 1).all()
        bits_set = columns[:, :, None] >> np.arange(32, dtype=np.uint32) & np.uint32(1)
        seen += bits_set.sum(axis=0).astype(int)
    np.testing.assert_array_equal(seen[:, 32 - bits :], 1)
    np.testing.assert_array_equal(seen[:, : 32 - bits], 0)


@pytest.mark.parametrize(("width", "n_tweaks"), [(1, 1), (4, 1), (5, 13), (300, 75)])
@pytest.mark.parametrize(("bits_in", "bits_out"), [(24, 23), (23, 24)])
def test_function_equals_python_integers(width, n_tweaks, bits_in, bits_out):
    rows, packed = halves(RNG, 3, width, bits_in)
    tweaks, packed_tweaks = halves(RNG, 3, n_tweaks, 24)
    prf = Prf(OTHER, KEY, width, n_tweaks, bits_in, bits_out)
    found = drawn(prf, packed, packed_tweaks)
    for i in range(3):
        expected = plain_cipher.prf(
            OTHER, KEY, rows[i].tolist(), tweaks[i].tolist(), bits_in, bits_out
        )
        assert (found[i] >> np.uint32(32 - bits_out)).tolist() == expected
        assert not (found[i] << np.uint32(bits_out)).any()


@pytest.mark.parametrize("n_outputs", [1, 4, 9])
def test_any_number_of_halves_without_a_tweak(n_outputs):
    rows, packed = halves(RNG, 3, 6, 24)
    integers = (packed.view(np.int32) >> 8).astype(np.float64)
    found = Prf(OTHER, KEY, 6, 0, 24, 12, n_outputs).of_integers(integers)
    for row, values in zip(rows.tolist(), found >> np.uint32(20), strict=True):
        expected = plain_cipher.prf(OTHER, KEY, row, [], 24, 12, n_outputs)
        assert values.tolist() == expected


def test_wide_rows_take_bits_of_the_hash_for_the_counter():
    width = 2**18 + 4
    prf = Prf(OTHER, KEY, width, 1, 24, 23)
    row, tweak = np.zeros((1, width), np.uint32), np.zeros((1, 1), np.uint32)
    found = drawn(prf, row, tweak)[0] >> np.uint32(9)
    expected = plain_cipher.prf(OTHER, KEY, [0] * width, [0], 24, 23)
    assert found.tolist() == expected
    assert len(np.unique(found.reshape(-1, 4), axis=0)) == width // 4


def test_sub_keys_depend_on_key_label_and_digest():
    found = {
        derive_key(key, label, digest)
        for key in (KEY, OTHER)
        for label in ("a", "b", "ab")
        for digest in (b"", b"b", b"c")
    }
    assert len(found) == 18
