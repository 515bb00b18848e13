"""The frozen streams against independent computations and against "v1" for ever.

``data/keystream_v1.json`` holds what version 1 gives.  It must never change: data
encrypted once is decrypted with the same numbers.  When it was made, every value was
computed twice, by the package and by the scalar Python functions of this file (the
block function of RFC 8439, whole-number arithmetic, AS 241 on Python floats), and the
two agreed in every bit, the digests of 100000 values included;
`test_golden_values_follow_from_the_definition` repeats that for all but the digests.
"""

import copy
import hashlib
import json
import math
import os
import pickle
import statistics
import struct
import subprocess
import sys
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import special, stats

import sklearn_homeo.keys._stream as keystream
from sklearn_homeo.keys._stream import KeyStream

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "data" / "keystream_v1.json").read_text()
)
FIXED = hashlib.sha256(b"statistics").digest()
subkeys = st.binary(min_size=32, max_size=32)


def rotate(value, bits):
    return ((value << bits) | (value >> (32 - bits))) & 0xFFFFFFFF


def quarter_round(state, a, b, c, d):
    for x, y, z, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[x] = (state[x] + state[y]) & 0xFFFFFFFF
        state[z] = rotate(state[z] ^ state[x], bits)


def chacha20_block(key, counter, nonce):
    """RFC 8439, section 2.3, in whole numbers."""
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574]
    start += [*struct.unpack("<8I", key), counter, *struct.unpack("<3I", nonce)]
    state = list(start)
    for _ in range(10):
        for column in range(4):
            quarter_round(state, *(column + 4 * row for row in range(4)))
        for diagonal in range(4):
            places = ((diagonal + row) % 4 + 4 * row for row in range(4))
            quarter_round(state, *places)
    mixed = ((x + y) & 0xFFFFFFFF for x, y in zip(state, start, strict=True))
    return struct.pack("<16I", *mixed)


def words_by_definition(subkey, n):
    blocks = (chacha20_block(subkey, i, bytes(12)) for i in range(-(-n // 8)))
    return [word for block in blocks for word in struct.unpack("<8Q", block)][:n]


def log_by_definition(x):
    mantissa, exponent = math.frexp(x)
    if mantissa < 0.70710678118654752440:
        mantissa, exponent = mantissa * 2.0, exponent - 1
    f = (mantissa - 1.0) / (mantissa + 1.0)
    square, series = f * f, 1.0 / 23
    for k in range(21, 1, -2):
        series = series * square + 1.0 / k
    low = (f * 2.0) * (square * series) + exponent * 1.90821492927058770002e-10
    return exponent * 6.93147180369123816490e-01 + (f * 2.0 + low)


def ratio_by_definition(x, coefficients):
    values = []
    for row in coefficients:
        value = row[0]
        for coefficient in row[1:]:
            value = value * x + coefficient
        values.append(value)
    return values[0] / values[1]


def normal_by_definition(word):
    # Exact, as the fraction has at most 53 significant bits.
    centred = float(Fraction(2 * (word >> 11) + 1, 2**54) - Fraction(1, 2))
    if abs(centred) <= 0.425:
        r = 0.180625 - centred * centred
        return centred * ratio_by_definition(r, keystream._CENTRE)
    r = math.sqrt(-log_by_definition(0.5 - abs(centred)))
    if r <= 5.0:
        magnitude = ratio_by_definition(r - 1.6, keystream._MIDDLE)
    else:
        magnitude = ratio_by_definition(r - 5.0, keystream._TAIL)
    return math.copysign(magnitude, centred)


def normals_of(words):
    words = np.array(words, dtype=np.uint64)
    return keystream.normal_quantile(keystream._centred(words))


def hexes(values):
    return [float(value).hex() for value in values]


def digest(values, dtype):
    return hashlib.sha256(values.astype(dtype).tobytes()).hexdigest()


@pytest.fixture(params=GOLDEN["streams"], ids=["first", "second"])
def golden(request):
    return request.param


def fresh(golden):
    return KeyStream(bytes.fromhex(golden["subkey"]))


def test_golden_draws(golden):
    assert [f"{w:016x}" for w in fresh(golden).words(16)] == golden["words"]
    for case in golden["integers"]:
        drawn = fresh(golden).integers(case["low"], case["high"], 16)
        assert drawn.tolist() == case["values"]
    assert hexes(fresh(golden).uniform(16)) == golden["uniform"]
    assert hexes(fresh(golden).normal(40)) == golden["normal"]
    assert fresh(golden).permutation(24).tolist() == golden["permutation"]


def test_golden_digests_of_long_draws(golden):
    stream, expected = fresh(golden), golden["sha256_of_100000"]
    assert digest(stream.integers(0, 1009, 100_000), "<i8") == expected["integers"]
    assert digest(stream.uniform(100_000), "<f8") == expected["uniform"]
    assert digest(stream.normal(100_000), "<f8") == expected["normal"]
    assert digest(stream.permutation(100_000), "<i8") == expected["permutation"]


def test_golden_extreme_normals():
    """Largest and smallest, both branch points, and the last term of the series."""
    words = [int(word, 16) for word, _ in GOLDEN["extreme_normals"]]
    assert hexes(normals_of(words)) == [value for _, value in GOLDEN["extreme_normals"]]


def test_golden_values_follow_from_the_definition(golden):
    words = words_by_definition(bytes.fromhex(golden["subkey"]), 40)
    assert golden["words"] == [f"{word:016x}" for word in words[:16]]
    for case in golden["integers"]:
        span = case["high"] - case["low"]
        assert case["values"] == [case["low"] + word % span for word in words[:16]]
    uniforms = [(word >> 11) / 2**53 for word in words[:16]]
    assert golden["uniform"] == hexes(uniforms)
    assert golden["normal"] == hexes(map(normal_by_definition, words))
    order = sorted(range(24), key=words.__getitem__)
    assert golden["permutation"] == order
    for word, value in GOLDEN["extreme_normals"]:
        assert value == normal_by_definition(int(word, 16)).hex()


def test_reference_block_function_is_that_of_rfc_8439():
    """Section 2.3.2 of the RFC."""
    nonce = bytes.fromhex("000000090000004a00000000")
    block = chacha20_block(bytes(range(32)), 1, nonce)
    assert block.hex() == (
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
        "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"
    )


@settings(max_examples=20, deadline=None)
@given(subkeys, st.integers(0, 40))
def test_words_are_the_chacha20_key_stream(subkey, n):
    assert KeyStream(subkey).words(n).tolist() == words_by_definition(subkey, n)


@settings(max_examples=50, deadline=None)
@given(subkeys, st.lists(st.integers(0, 30), max_size=8))
def test_calls_consume_one_sequence(subkey, counts):
    stream, whole = KeyStream(subkey), KeyStream(subkey).words(sum(counts))
    parts = [stream.words(n) for n in counts]
    assert np.concatenate([*parts, whole[:0]]).tolist() == whole.tolist()


def test_one_large_draw_equals_many_small_ones_across_buffers():
    stream = KeyStream(FIXED)
    parts = [stream.words(n) for n in (131_071, 2, 131_072, 7, 0, 150_000)]
    whole = KeyStream(FIXED).words(412_152)
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_every_kind_of_draw_takes_one_word_for_each_value():
    stream = KeyStream(FIXED)
    draws = (stream.integers(0, 5, (2, 3)), stream.uniform(4), stream.normal((5, 1)))
    stream.permutation(6)
    assert [draw.size for draw in draws] == [6, 4, 5]
    assert stream.words(1) == KeyStream(FIXED).words(22)[21:]


def test_normals_do_not_depend_on_how_they_are_grouped():
    whole = KeyStream(FIXED).normal(70_000)
    stream = KeyStream(FIXED)
    parts = [stream.normal(n) for n in (1, 2, 3, 17, 40_000, 29_977)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_shapes_and_dtypes():
    stream = KeyStream(FIXED)
    assert stream.words(3).dtype == np.uint64
    assert stream.words(3).dtype.isnative
    for size, shape in ((4, (4,)), ((2, 0), (2, 0)), ((), ()), ((2, 3, 4), (2, 3, 4))):
        assert stream.integers(0, 9, size).shape == shape
        assert stream.uniform(size).shape == shape
        assert stream.normal(size).shape == shape
    assert stream.integers(0, 9, 2).dtype == np.int64
    assert stream.permutation(3).dtype == np.int64
    assert stream.normal(np.int64(2)).dtype == stream.uniform(2).dtype == np.float64


@settings(max_examples=100, deadline=None)
@given(st.integers(-(2**63), 2**63 - 2**32), st.integers(1, 2**32))
def test_integers_are_low_plus_remainder(low, span):
    drawn = KeyStream(FIXED).integers(low, low + span, 8).tolist()
    words = KeyStream(FIXED).words(8).tolist()
    assert drawn == [low + word % span for word in words]


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 0), (3, 2), (0, 2**32 + 1), (-(2**63) - 1, 0), (2**63 - 1, 2**63 + 1)],
)
def test_integers_refuse_bad_bounds(low, high):
    with pytest.raises(ValueError, match="low"):
        KeyStream(FIXED).integers(low, high, 3)


def test_bad_sizes_are_refused_and_consume_nothing():
    stream = KeyStream(FIXED)
    with pytest.raises(ValueError, match="n must not be negative"):
        stream.words(-1)
    with pytest.raises(ValueError, match="size must not be negative"):
        stream.normal((2, -1))
    with pytest.raises(TypeError):
        stream.uniform(2.0)
    ending = KeyStream(FIXED)
    ending._words_left = 3
    ending.words(2)
    with pytest.raises(ValueError, match=r"2\*\*35"):
        ending.words(2)
    assert stream.words(2).tolist() == KeyStream(FIXED).words(2).tolist()


@pytest.mark.parametrize("subkey", [b"", bytes(31), bytes(33), bytearray(16)])
def test_subkey_of_another_length_is_refused(subkey):
    with pytest.raises(ValueError, match="32 bytes"):
        KeyStream(subkey)


@pytest.mark.parametrize("subkey", [None, 0, "0" * 32, [0] * 32])
def test_subkey_of_another_type_is_refused(subkey):
    with pytest.raises(TypeError, match="subkey must be bytes"):
        KeyStream(subkey)


def test_log_is_accurate():
    uniforms = KeyStream(FIXED).uniform(300) / 2 + 2.0**-54
    x = np.concatenate([2.0 ** -np.arange(1.0, 55.0), uniforms])
    with localcontext(prec=40):
        exact = [Decimal(float(value)).ln() for value in x]
        errors = [
            abs((Decimal(float(ours)) - true) / true)
            for ours, true in zip(keystream._log(x), exact, strict=True)
        ]
    assert max(errors) < 2.3e-16


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_normals_are_the_inverse_distribution_function(sign):
    tail = 0.5 - (0.5 - 10.0 ** -np.linspace(0.31, 15.9, 4000))
    tail = np.append(tail, [0.075, 2.0**-54])
    ours = keystream.normal_quantile(sign * (0.5 - tail))
    np.testing.assert_allclose(ours, -sign * special.ndtri(tail), rtol=2e-15)


def test_normals_equal_those_of_another_implementation_of_as_241():
    words = KeyStream(FIXED).words(500)
    others = [
        statistics.NormalDist().inv_cdf(((int(word) >> 11) + 0.5) / 2**53)
        for word in words
        if int(word) >> 11 < 2**52
    ]
    ours = normals_of(words[words < 2**63])
    np.testing.assert_allclose(ours, others, rtol=1e-14)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**64 - 1))
@example(0)
@example(2**63 - 1)
def test_normals_are_odd_finite_and_equal_to_the_scalar_definition(word):
    low, high = normals_of([word, 2**64 - 1 - word])
    assert low == -high == normal_by_definition(word)
    assert abs(low) < 8.3


def test_arithmetic_does_not_use_the_vector_units_of_this_processor():
    """NumPy without any optional instruction set gives the same bits."""
    umath = pytest.importorskip("numpy._core._multiarray_umath")
    optional = [f for f in umath.__cpu_dispatch__ if umath.__cpu_features__.get(f)]
    if not optional:
        pytest.skip("NumPy dispatches to no optional instruction set here")
    code = (
        "import hashlib, numpy\n"
        "from numpy._core import _multiarray_umath as umath\n"
        "from sklearn_homeo.keys._stream import KeyStream\n"
        "used = [f for f in umath.__cpu_dispatch__ if umath.__cpu_features__.get(f)]\n"
        "stream = KeyStream(bytes(32))\n"
        "draws = stream.normal(200_000), stream.uniform(9), stream.integers(0, 7, 99)\n"
        "joined = b''.join(draw.tobytes() for draw in draws)\n"
        "print(len(used), hashlib.sha256(joined).hexdigest())\n"
    )
    package = str(Path(keystream.__file__).parents[2])
    outputs = []
    for disabled in ("", " ".join(optional)):
        changes = {"NPY_DISABLE_CPU_FEATURES": disabled, "PYTHONPATH": package}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env={**os.environ, **changes},
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.append(done.stdout.split())
    assert int(outputs[1][0]) < int(outputs[0][0])
    assert outputs[0][1] == outputs[1][1]


def test_uniforms_are_uniform():
    drawn = KeyStream(FIXED).uniform(200_000)
    assert stats.kstest(drawn, "uniform").pvalue > 1e-3


def test_normals_are_normal():
    drawn = KeyStream(FIXED).normal(200_000)
    assert stats.kstest(drawn, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.01
    assert abs((drawn**2).mean() - 1) < 0.02


def test_integers_are_uniform_also_where_the_span_is_no_power_of_two():
    counts = np.bincount(KeyStream(FIXED).integers(0, 97, 200_000), minlength=97)
    assert counts.size == 97
    assert stats.chisquare(counts).pvalue > 1e-3


def test_every_order_is_equally_frequent_among_permutations():
    stream = KeyStream(FIXED)
    codes = [int("".join(map(str, stream.permutation(4)))) for _ in range(6000)]
    values, counts = np.unique(codes, return_counts=True)
    assert values.size == 24
    assert stats.chisquare(counts).pvalue > 1e-3


@given(st.integers(0, 300))
@settings(max_examples=30, deadline=None)
def test_permutation_has_every_place_once(n):
    assert sorted(KeyStream(FIXED).permutation(n).tolist()) == list(range(n))


def test_equal_words_keep_their_order(monkeypatch):
    words = np.arange(5000, dtype=np.uint64) % 7
    monkeypatch.setattr(KeyStream, "words", lambda self, n: words[:n])
    expected = sorted(range(5000), key=words.__getitem__)
    assert KeyStream(FIXED).permutation(5000).tolist() == expected


@settings(max_examples=20, deadline=None)
@given(subkeys, st.integers(0, 255))
def test_one_bit_of_the_subkey_changes_half_of_the_stream(subkey, bit):
    changed = int.from_bytes(subkey) ^ (1 << bit)
    first = KeyStream(subkey).words(1000)
    second = KeyStream(changed.to_bytes(32)).words(1000)
    share = np.bitwise_count(first ^ second).sum() / 64_000
    assert 0.485 < share < 0.515


def test_a_stream_shows_and_gives_away_nothing():
    stream = KeyStream(FIXED)
    assert repr(stream) == str(stream) == f"{stream}" == "KeyStream(<secret>)"
    with pytest.raises(TypeError):
        vars(stream)
    for copier in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="neither pickled nor copied"):
            copier(stream)
