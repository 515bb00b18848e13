"""One more target: old columns stay, new ones are added, and bits add up."""

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.linear_model import LogisticRegression

from problems import KEY
from sklearn_homeo import (
    HomeomorphicEncryptor,
    InvalidCiphertextError,
    LeakageWarning,
    reencrypt,
    views_of,
)
from sklearn_homeo.encryption._warnings import warn_of_small_cells

CELLS = {"leakage": "cells", "n_cells": 4}
SCORES = {"leakage": "scores", "n_preserved": 1, "linkage_noise": 0.1}
SETTINGS = [CELLS, SCORES, SCORES | {"randomized": True}]
_FITTED = {}


def rows(n_features=6):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, n_features))
    first, second = ortho_group.rvs(n_features, random_state=1)[:2]
    return X, (X @ first > 0).astype(int), np.where(X @ second > 0, "yes", "no")


def pair(n_features=6, **options):
    """An encryptor, and the same with one more target; fitted once."""
    name = f"{n_features} {options}"
    if name not in _FITTED:
        X, y, other = rows(n_features)
        old = HomeomorphicEncryptor(key=KEY, depth=2, **options).fit(X, y)
        _FITTED[name] = old, old.add_target(X, other)
    return _FITTED[name]


@pytest.mark.parametrize(
    ("options", "n_features"), [*((options, 6) for options in SETTINGS), (SCORES, 3)]
)
def test_old_columns_carry_the_old_view(options, n_features):
    X, *_ = rows(n_features)
    old, new = pair(n_features, **options)
    Z, Z_new = old.transform(X), new.transform(X)
    (start, end), (_, last) = new.target_columns_
    assert (start, end) == old.target_columns_[0] == (0, Z.shape[1])
    assert Z_new.shape == (len(X), last)
    np.testing.assert_array_equal(views_of(Z_new)[:, :end], views_of(Z))
    np.testing.assert_allclose(new.inverse_transform(Z_new), X, atol=1e-7)
    for encryptor, ciphertexts in ((old, Z_new[:, :end]), (new, np.tile(Z, 2))):
        with pytest.raises((InvalidCiphertextError, ValueError)):
            encryptor.inverse_transform(ciphertexts)


@pytest.mark.parametrize("options", SETTINGS)
def test_ciphertexts_gain_the_columns_and_lose_them(options):
    X, *_ = rows()
    old, new = pair(**options)
    Z = old.transform(X)
    found = reencrypt(Z, old, new)
    np.testing.assert_array_equal(views_of(found), views_of(new.transform(X)))
    np.testing.assert_allclose(new.inverse_transform(found), X, atol=1e-7)
    back = reencrypt(found, new, old)
    np.testing.assert_array_equal(views_of(back), views_of(Z))
    if not options.get("randomized"):
        np.testing.assert_array_equal(found, new.transform(X))
        np.testing.assert_array_equal(back, Z)


@pytest.mark.parametrize("options", [CELLS, SCORES])
def test_old_models_stay_and_new_ones_learn_the_new_target(options):
    X, y, other = rows()
    old, new = pair(**options)
    Z, Z_new = views_of(old.transform(X)), views_of(new.transform(X))
    (start, end), (begin, stop) = new.target_columns_
    model = LogisticRegression().fit(Z, y)
    np.testing.assert_array_equal(model.predict(Z), model.predict(Z_new[:, start:end]))
    before = LogisticRegression().fit(Z, other).score(Z, other)
    after = LogisticRegression().fit(Z_new[:, begin:stop], other)
    assert after.score(Z_new[:, begin:stop], other) > 0.9 > before


def test_bits_add_up():
    X, _, other = rows()
    old, new = pair(**CELLS)
    assert new.n_cells_ == old.n_cells_ * 4
    assert new.leakage_bits_ == old.leakage_bits_ + 2
    before, after = old.certificate(X), new.certificate(X)
    assert after.leakage_bits == before.leakage_bits + 2
    assert before.linking.n_views < after.linking.n_views <= 16
    assert after.linking.one_target == after.linking.n_views / 240
    assert after.linking.label_floor == 4 / 240
    assert after.min_cell_rows == after.linking.smallest_cell
    assert after.log2_forgery < before.log2_forgery
    assert new.preserved_variance_ratio_ > old.preserved_variance_ratio_
    old, new = pair(**SCORES)
    assert new.n_preserved_ == 2
    assert new.n_cells_ is None
    before, after = old.certificate(X), new.certificate(X)
    assert after.linking.one_target > before.linking.one_target
    third = new.add_target(X, other)
    assert len(third.target_columns_) == 3
    Z = views_of(third.transform(X))
    np.testing.assert_array_equal(Z[:, :12], views_of(new.transform(X)))


def test_unequal_noise_counts_in_its_own_units():
    X, _, other = rows()
    old, _ = pair(**SCORES)
    for noise in (0.0, 5.0):
        new = old.__class__(**old.get_params())
        new = new.fit(X, rows()[1]).set_params(linkage_noise=noise)
        new = new.add_target(X, other)
        assert new.linkage_noise_ == min(noise, 0.1)
        one_target = new.certificate(X).linking.one_target
        assert one_target == 1.0 if noise == 0 else one_target < 0.2


@pytest.mark.parametrize("options", [CELLS, SCORES])
def test_files_owners_and_keys_know_all_targets(options, tmp_path):
    X, *_ = rows()
    _, new = pair(**options)
    new.save(tmp_path / "new.sealed")
    loaded = HomeomorphicEncryptor.load(tmp_path / "new.sealed", KEY)
    Z = new.transform(X)
    np.testing.assert_array_equal(loaded.transform(X), Z)
    assert loaded.target_columns_ == new.target_columns_
    north = new.for_owner("north")
    np.testing.assert_allclose(
        north.inverse_transform(north.transform(X)), X, atol=1e-7
    )
    renewed = new.rekey()
    np.testing.assert_array_equal(views_of(renewed.transform(X)), views_of(Z))
    other = new.rekey(keep_view=False)
    changed = views_of(other.transform(X)) != views_of(Z)
    for start, end in new.target_columns_:
        assert changed[:, start:end].any()


def test_tensors_have_the_same_bits():
    torch = pytest.importorskip("torch")
    from sklearn_homeo.ciphers.tensors import TensorCipher

    for options, n_features in ((CELLS, 6), (SCORES, 3)):
        old, new = pair(n_features, **options)
        X = rows(n_features)[0]
        cpu = torch.device("cpu")
        Z = torch.empty((len(X), new.transform(X[:1]).shape[1]), dtype=torch.float64)
        moved = TensorCipher(new._cipher, cpu)
        moved.encrypt(torch.tensor(X), Z)
        np.testing.assert_array_equal(Z, new.transform(X))
        back = torch.empty(X.shape, dtype=torch.float64)
        assert moved.decrypt(Z, back).all()
        again = torch.empty_like(Z)
        first = TensorCipher(old._cipher, cpu)
        rows_of_old = torch.tensor(old.transform(X))
        valid = moved.reencrypt(rows_of_old, first, again, keeps_view=False)
        assert valid.all()
        np.testing.assert_array_equal(again, Z)


def test_added_columns_must_decrypt_to_zeros():
    X, *_ = rows()
    _, new = pair(**CELLS)
    lattice = new._cipher.lattice
    u = np.zeros((1, lattice.width), np.int64)
    assert lattice.covers(u).all()
    u[0, -1] = 1
    assert not lattice.covers(u).any()


def test_bad_targets_are_refused():
    X, y, other = rows()
    old, _ = pair(**CELLS)
    with pytest.raises(ValueError, match='at leakage="space" the view is the whole'):
        HomeomorphicEncryptor(leakage="space").fit(X).add_target(X, y)
    with pytest.raises(ValueError, match=r"Row 0 of X .* in column 0"):
        old.add_target(X * 1e9, other)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        old.add_target(X, other[:-1])
    with pytest.warns(LeakageWarning, match="together hold as few as 3 of the rows"):
        warn_of_small_cells(3, 10)
