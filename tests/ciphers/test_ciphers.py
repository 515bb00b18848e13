"""Each bijection undoes itself; the keyed ones depend on every key bit."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_homeo import SecretKey
from sklearn_homeo._utils.arrays import to_device
from sklearn_homeo.ciphers.coupling import CouplingLock
from sklearn_homeo.ciphers.frame import (
    DenseFrame,
    LowRankFrame,
    Standardisation,
    _preserving_map,
)
from sklearn_homeo.ciphers.rotation import (
    DenseRotation,
    LatticeRotation,
    WalkRotation,
)
from sklearn_homeo.ciphers.skew import Skew
from sklearn_homeo.ciphers.tanh import TanhLock
from sklearn_homeo.ciphers.waves import GRID, RowOutOfRange, to_lattice
from sklearn_homeo.encryption.label_space.whitening import PrincipalAxes

KEY = SecretKey.from_bytes(bytes(range(32)))


def lock(n, k, label="lock", key=KEY, noise=0.1):
    return CouplingLock.from_key(key, label, n, k, 6.0, 10.0, noise)


def lattice_rows(n_samples, n, seed=0):
    return to_lattice(np.random.default_rng(seed).normal(size=(n_samples, n)))


@given(n=st.integers(2, 300), seed=st.integers(0, 2**32), data=st.data())
@settings(max_examples=40, deadline=None)
def test_coupling_is_a_bijection_of_the_lattice(n, seed, data):
    k = data.draw(st.integers(1, n - 1))
    scale = data.draw(st.sampled_from([1, 50, 10_000]))
    y = np.round(lattice_rows(5, n, seed) * scale)
    one = lock(n, k, f"lock/{seed}")
    z = one.forward(y)
    assert np.all(z == np.round(z))
    np.testing.assert_array_equal(one.inverse(z), y)


def test_coupling_of_wide_rows_is_exact_and_covers_all_columns():
    n, k = 4800, 5
    one, y = lock(n, k), lattice_rows(3, n)
    z = one.forward(y)
    np.testing.assert_array_equal(one.inverse(z), y)
    masked = z[:, k:] - y[:, k:][:, one.permutation]
    assert np.all(masked.std(axis=0) > 0)


@pytest.mark.parametrize("n, k", [(2, 1), (13, 2), (64, 9)])
def test_coupling_is_the_same_on_torch(n, k):
    one, y = lock(n, k), lattice_rows(20, n)
    there = to_device(one, "cpu")
    z = one.forward(y)
    np.testing.assert_array_equal(there.forward(torch.tensor(y)).numpy(), z)
    np.testing.assert_array_equal(there.inverse(torch.tensor(z)).numpy(), y)


def test_without_noise_the_preserved_coordinates_stay():
    one, y = lock(20, 3, noise=0.0), lattice_rows(10, 20)
    np.testing.assert_array_equal(one.forward(y)[:, :3], y[:, :3])


def test_masks_have_the_stated_size():
    n, k = 200, 4
    y = lattice_rows(2000, n)
    one = lock(n, k, noise=0.1)
    z = one.forward(y)
    masks = z[:, k:] - y[:, k:][:, one.permutation]
    noise = z[:, :k] - y[:, :k]
    assert np.abs(masks).max() <= 10 * GRID + 1
    assert np.abs(noise).max() <= 0.1 * GRID + 1
    np.testing.assert_allclose(masks.std() / GRID, 10 / 3**0.5, rtol=0.03)
    np.testing.assert_allclose(noise.std() / GRID, 0.1 / 3**0.5, rtol=0.05)


@pytest.mark.parametrize("n, k", [(64, 9), (300, 1), (300, 20)])
def test_masks_span_the_complement(n, k):
    """Masks of low rank could be projected out (effective rank >= 0.8)."""
    y = lattice_rows(3000, n)
    one = lock(n, k)
    masks = one.forward(y)[:, k:] - y[:, k:][:, one.permutation]
    share = np.linalg.svd(masks - masks.mean(axis=0), compute_uv=False) ** 2
    share = share / share.sum()
    effective_rank = np.exp(-(share * np.log(share)).sum())
    assert effective_rank >= 0.8 * (n - k)


def test_a_flipped_key_bit_changes_every_lock_value():
    data = bytearray(range(32))
    data[17] ^= 4
    other = lock(50, 3, key=SecretKey.from_bytes(bytes(data)))
    y = lattice_rows(30, 50)
    a, b = lock(50, 3).forward(y), other.forward(y)
    assert np.mean(a == b) < 1e-3
    assert abs(np.corrcoef(a[:, 3:].ravel(), b[:, 3:].ravel())[0, 1]) < 0.1


@pytest.mark.parametrize("n", [1, 2, 3, 64, 257])
def test_rotation_is_orthogonal_and_the_same_dense_or_not(n):
    walk = WalkRotation.from_stream(KEY.stream("r"), n)
    dense = DenseRotation.from_stream(KEY.stream("r"), n)
    x = np.random.default_rng(0).normal(size=(6, n))
    np.testing.assert_allclose(dense.matrix @ dense.matrix.T, np.eye(n), atol=1e-13)
    np.testing.assert_allclose(walk.forward(x), dense.forward(x), atol=1e-12)
    np.testing.assert_allclose(walk.inverse(walk.forward(x)), x, atol=1e-12)
    np.testing.assert_allclose(dense.inverse(dense.forward(x)), x, atol=1e-12)


def test_rotation_spreads_every_coordinate():
    """Entries look like those of a Haar matrix: kurtosis near 3, no large one."""
    n = 512
    entries = DenseRotation.from_stream(KEY.stream("r"), n).matrix * np.sqrt(n)
    assert np.abs(entries).max() < 6.5
    assert (entries**4).mean() == pytest.approx(3.0, abs=0.1)
    assert np.all((entries**4).mean(axis=1) < 5)


@given(n=st.integers(1, 200), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_lattice_rotation_is_exact_and_near_the_rotation(n, seed):
    y = lattice_rows(4, n, seed) * 20
    turned = LatticeRotation.from_stream(KEY.stream("r"), n)
    z = turned.forward(y)
    np.testing.assert_array_equal(turned.inverse(z), y)
    real = WalkRotation.from_stream(KEY.stream("r"), n).forward(y)
    assert np.abs(z - real).max() < 30


@given(strength=st.floats(0, 3), seed=st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_skew_is_monotone_with_bounded_slope_and_inverts(strength, seed):
    skew = Skew.from_stream(KEY.stream(f"s/{seed}"), 4, strength, 2.0)
    x = np.sort(np.random.default_rng(seed).normal(size=(200, 4)) * 100, axis=0)
    y = skew.forward(x)
    np.testing.assert_allclose(skew.inverse(y), x, atol=1e-10, rtol=1e-10)
    np.testing.assert_allclose(skew.forward(np.zeros((1, 4))), 0, atol=1e-12)
    slope = np.diff(y, axis=0) / np.diff(x, axis=0)
    bound = np.exp(np.abs(skew.tilt))
    assert np.all(slope <= bound * 1.001) and np.all(slope >= 0.999 / bound)


def test_tanh_is_the_published_layer():
    one = TanhLock.from_stream(KEY.stream("t"), 30, 0.01)
    x = np.random.default_rng(0).normal(size=(5, 30))
    weights = one.layer.real()
    np.testing.assert_allclose(one.forward(x), np.tanh(x @ weights), rtol=1e-12)
    np.testing.assert_allclose(one.inverse(one.forward(x)), x, atol=1e-9)
    assert weights.std() == pytest.approx(0.01, rel=0.1)
    assert np.isnan(one.inverse(np.full((1, 30), 1.5))).all()


def frame_of(X, k, kind):
    standard = Standardisation.from_data(X)
    axes = PrincipalAxes.from_data(standard.forward(X))
    rng = np.random.default_rng(1)
    directions = np.linalg.qr(rng.normal(size=(len(axes.gains), k)))[0]
    mixing = rng.normal(size=(k, k)) + 2 * np.eye(k)
    stream = KEY.stream("f")
    linear = _preserving_map(axes, directions, mixing)
    return kind.from_map(standard, linear, k, stream), (axes, directions, mixing)


@pytest.mark.parametrize("kind", [DenseFrame, LowRankFrame])
@pytest.mark.parametrize("shape, k", [((50, 2), 1), ((80, 13), 2), ((20, 60), 7)])
def test_frame_puts_the_preserved_coordinates_first_and_inverts(kind, shape, k):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape) @ rng.normal(size=(shape[1], shape[1])) * 1e3 + 5
    frame, (axes, directions, mixing) = frame_of(X, k, kind)
    y = frame.forward(X)
    assert np.all(y == np.round(y))
    units = (X - X.mean(axis=0)) / X.std(axis=0)
    expected = (units @ axes.vectors * axes.gains) @ directions @ mixing
    np.testing.assert_allclose(y[:, :k] / GRID, expected, atol=1e-3)
    back = frame.inverse(y)
    assert np.abs((back - X) / X.std(axis=0)).max() < 1e-7


@pytest.mark.parametrize("kind", [DenseFrame, LowRankFrame])
def test_frame_has_the_same_bits_in_any_batch_and_on_torch(kind):
    X = np.random.default_rng(0).normal(size=(64, 100))
    frame, _ = frame_of(X, 3, kind)
    y = frame.forward(X)
    rows = [frame.forward(X[i : i + 1]) for i in range(len(X))]
    np.testing.assert_array_equal(np.vstack(rows), y)
    np.testing.assert_array_equal(frame.forward(np.asfortranarray(X)), y)
    there = to_device(frame, "cpu").forward(torch.tensor(X))
    np.testing.assert_array_equal(there.numpy(), y)


def test_whitening_leaves_no_direction_that_sticks_out_of_the_mask():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 40)) @ np.diag(10.0 ** rng.uniform(-3, 3, 40))
    X = X @ rng.normal(size=(40, 40))
    frame, _ = frame_of(X, 2, DenseFrame)
    variances = np.linalg.eigvalsh(np.cov(frame.forward(X)[:, 2:].T / GRID))
    assert variances.max() < 1.1


def test_standardisation_of_constant_huge_and_tiny_columns():
    X = np.array([[0.0, 1e6, 1e300, 1e-300, 1.0], [0.0, 1e6, -1e300, 2e-300, 2.0]])
    standard = Standardisation.from_data(X)
    units = standard.forward(X)
    assert np.isfinite(units).all()
    np.testing.assert_allclose(standard.inverse(units), X, rtol=1e-12)
    np.testing.assert_array_equal(units[:, :2], 0)
    with pytest.raises(RowOutOfRange, match="row 1 lies more than 16384 .*column 4"):
        standard.forward(np.vstack([X[:1], X[:1] + [0, 0, 0, 0, 1e6]]))
