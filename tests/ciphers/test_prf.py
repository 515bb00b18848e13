"""The universal hash, whose claim is enumerated, and the function made of it."""

import itertools

import numpy as np
import plain_cipher
import pytest

from sklearn_homeo.ciphers.base import Workspace
from sklearn_homeo.ciphers.prf import (
    Hash,
    Prf,
    _key_words,
    _signed_limbs,
    derive_key,
    hashed_columns,
)

KEY, OTHER = bytes(range(32)), bytes(32)
RNG = np.random.default_rng(0)


def halves(rng, n_rows, width, bits):
    values = rng.integers(0, 2**bits, (n_rows, width))
    values[0, :] = 2 ** (bits - 1)  # The most negative one.
    return values, (values << (32 - bits)).astype(np.uint32)


def real(half):
    return half.view(np.int32).astype(np.float64)


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


def test_limbs_add_up_to_their_words_and_sums_of_512_products_are_exact():
    words = RNG.integers(0, 2**64, 1000, dtype=np.uint64)
    words[:4] = [0, 2**64 - 1, 2**21, 2**63]
    limbs = _signed_limbs(words)
    assert np.abs(limbs).max() <= 2**21
    for word, parts in zip(words.tolist(), limbs.T.astype(int).tolist(), strict=True):
        assert (
            sum(part << s for part, s in zip(parts, (0, 22, 44), strict=True)) % (2**64)
            == word
        )
    assert 512 * 2**21 * 2**23 <= 2**53


@pytest.mark.parametrize("width", [1, 4, 512, 513, 1300])
@pytest.mark.parametrize("bits", [23, 24])
def test_hash_equals_python_integers(width, bits):
    values, packed = halves(np.random.default_rng(width), 3, width, bits)
    found = Hash(KEY, [bits] * width, 4).words((real(packed),), Workspace())
    for row, words in zip(values.tolist(), found.tolist(), strict=True):
        inputs = [plain_cipher.signed(x, bits) for x in row]
        assert words == plain_cipher.hash_words(KEY, inputs, 4)


def test_hash_does_not_depend_on_how_columns_are_cut_or_rows_batched():
    _, packed = halves(RNG, 40, 700, 24)
    rows, hash_ = real(packed), Hash(KEY, [24] * 700, 3)
    expected = hash_.words((rows,), Workspace()).copy()
    blocks = (rows[:, :1], rows[:, 1:300], rows[:, 300:])
    np.testing.assert_array_equal(hash_.words(blocks, Workspace()), expected)
    for i in range(40):
        one = hash_.words((rows[i : i + 1],), Workspace())
        np.testing.assert_array_equal(one[0], expected[i])


@pytest.mark.parametrize("bits", [23, 24])
def test_hashed_columns_use_each_bit_once(bits):
    words = np.uint64(1) << np.arange(64, dtype=np.uint64)
    seen = np.zeros((6, 32), dtype=int)
    for j in range(4):
        row = np.zeros((64, 4), np.uint64)
        row[:, j] = words
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
    found = prf.halves(real(packed), real(packed_tweaks), Workspace())
    for i in range(3):
        expected = plain_cipher.prf(
            OTHER, KEY, rows[i].tolist(), tweaks[i].tolist(), bits_in, bits_out
        )
        assert (found[i] >> np.uint32(32 - bits_out)).tolist() == expected
        assert not (found[i] << np.uint32(bits_out)).any()


def test_wide_rows_take_bits_of_the_hash_for_the_counter():
    width = 2**18 + 4
    prf = Prf(OTHER, KEY, width, 1, 24, 23)
    row, tweak = np.zeros((1, width)), np.zeros((1, 1))
    found = prf.halves(row, tweak, Workspace())[0] >> np.uint32(9)
    expected = plain_cipher.prf(OTHER, KEY, [0] * width, [0], 24, 23)
    assert found.tolist() == expected
    assert len(np.unique(found.reshape(-1, 4), axis=0)) == width // 4


def test_a_missing_tweak_counts_as_zero():
    prf = Prf(OTHER, KEY, 5, 3, 24, 23)
    row = np.zeros((1, 5))
    expected = prf.halves(row, np.zeros((1, 3)), Workspace()).copy()
    np.testing.assert_array_equal(
        prf.halves(row, np.zeros((1, 0)), Workspace()), expected
    )


def test_sub_keys_depend_on_key_label_and_digest():
    found = {
        derive_key(key, label, digest)
        for key in (KEY, OTHER)
        for label in ("a", "b", "ab")
        for digest in (b"", b"b", b"c")
    }
    assert len(found) == 18
    assert _key_words(KEY, (2, 3)).ravel().tolist() == plain_cipher.key_words(KEY, 6)
