"""Other keys for the same view, and ciphertexts that change from one to another."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from problems import KEY, OTHER, wine
from sklearn_homeo import (
    HomeomorphicEncryptor,
    InvalidCiphertextError,
    reencrypt,
    reencrypt_into,
    views_of,
)

CELLS = {"leakage": "cells", "n_cells": 6}
SCORES = {"leakage": "scores", "n_preserved": 2, "linkage_noise": 0.1}
NARROW = SCORES | {"n_preserved": 1}
_FITTED = {}


def fitted(n_features=13, **options):
    """An encryptor of columns of wine, fitted once for the same options."""
    name = f"{n_features} {options}"
    if name not in _FITTED:
        X, y = wine()
        encryptor = HomeomorphicEncryptor(key=KEY, depth=2, **options)
        y = y if options["leakage"] == "cells" else None
        _FITTED[name] = encryptor.fit(X[:, :n_features], y)
    return _FITTED[name]


@pytest.mark.parametrize("keep_view", [True, False])
@pytest.mark.parametrize("options", [CELLS, SCORES, NARROW | {"n_features": 3}])
def test_reencrypted_rows_are_those_that_new_makes(options, keep_view):
    old = fitted(**options)
    X = wine()[0][:, : old.n_features_in_]
    new = old.rekey(OTHER, keep_view=keep_view)
    Z = old.transform(X, context=b"rows")
    found = reencrypt(Z, old, new, context=b"rows")
    np.testing.assert_array_equal(found, new.transform(X, context=b"rows"))
    assert (views_of(found) == views_of(Z)).all() == keep_view
    back = reencrypt(found, new, old, context=b"rows")
    np.testing.assert_array_equal(back, Z)
    assert new.key == new.key_ == OTHER
    assert old.key_ == KEY
    for other, rows in ((old, found), (new, Z)):
        with pytest.raises(InvalidCiphertextError):
            other.inverse_transform(rows, context=b"rows")


def test_randomized_rows_have_the_same_integers():
    X, _ = wine()
    old = fitted(**SCORES | {"randomized": True})
    new = old.rekey()
    Z = old.transform(X)
    found = reencrypt(Z, old, new)
    np.testing.assert_array_equal(
        new.inverse_transform(found), old.inverse_transform(Z)
    )


def test_an_owner_makes_a_key_that_nobody_can_derive():
    X, _ = wine()
    north = fitted(**SCORES).for_owner("north")
    alone = north.rekey()
    assert alone.owner_ == "north"
    Z = reencrypt(north.transform(X), north, alone)
    np.testing.assert_array_equal(views_of(Z), views_of(north.transform(X)))
    with pytest.raises(InvalidCiphertextError):
        fitted(**SCORES).for_owner("north").inverse_transform(Z)
    # From the whole key's ciphertexts to an owner's: noise of his own.
    Z = fitted(**SCORES).transform(X)
    found = reencrypt(Z, fitted(**SCORES), north)
    np.testing.assert_array_equal(found, north.transform(X))


@pytest.mark.parametrize("options", [CELLS, SCORES])
@pytest.mark.parametrize(
    "model", [RandomForestClassifier(random_state=0), LogisticRegression()]
)
def test_models_of_views_answer_the_same_after(model, options):
    X, y = wine()
    old = fitted(**options)
    new = old.rekey()
    pipeline = make_pipeline(FunctionTransformer(views_of), clone(model))
    Z = old.transform(X)
    pipeline.fit(Z[::2], y[::2])
    found = pipeline.predict_proba(reencrypt(Z, old, new))
    np.testing.assert_array_equal(found, pipeline.predict_proba(Z))


def test_models_of_whole_ciphertexts_of_cells_answer_the_same_after():
    X, y = wine()
    old = fitted(**CELLS)
    Z = old.transform(X)
    model = RandomForestClassifier(random_state=0).fit(Z, y)
    found = model.predict(reencrypt(Z, old, old.rekey(OTHER)))
    np.testing.assert_array_equal(found, views_answer(model, Z, y))


def views_answer(model, Z, y):
    """What a model of the same kind says of views alone."""
    return clone(model).fit(views_of(Z), y).predict(views_of(Z))


def test_what_is_no_ciphertext_becomes_none():
    X, _ = wine()
    old = fitted(**CELLS)
    lenient = clone(old).set_params(on_invalid="ignore")
    lenient = lenient.fit(*wine())
    new = lenient.rekey()
    Z = lenient.transform(X)
    Z[3, 2] += 2.0**-50
    Z[7] = np.nan
    out = np.zeros_like(Z)
    with pytest.raises(InvalidCiphertextError, match="2 of 178 rows") as caught:
        reencrypt_into(Z, out, lenient, new)
    assert list(caught.value.rows) == [3, 7]
    assert np.flatnonzero(np.isnan(out).any(axis=1)).tolist() == [3, 7]
    assert np.isnan(out[[3, 7]]).all()
    others = np.delete(np.arange(len(X)), [3, 7])
    np.testing.assert_array_equal(out[others], new.transform(X[others]))


def test_files_change_batch_by_batch(tmp_path):
    X, _ = wine()
    old = fitted(**CELLS)
    new = old.rekey()
    memmap = np.lib.format.open_memmap
    Z = memmap(tmp_path / "old.npy", "w+", np.float64, X.shape)
    old.encrypt_into(X, Z)
    out = memmap(tmp_path / "new.npy", "w+", np.float64, X.shape)
    assert reencrypt_into(Z, out, old, new) is out
    np.testing.assert_array_equal(out, new.transform(X))
    for shared in (Z, memmap(tmp_path / "old.npy", "r+"), Z[::-1]):
        with pytest.raises(ValueError, match="shares memory with Z"):
            reencrypt_into(Z, shared, old, new)


def test_tensors_give_tensors():
    torch = pytest.importorskip("torch")
    from sklearn_homeo.ciphers.tensors import TensorCipher

    X, _ = wine()
    old = fitted(**SCORES)
    for new in (old.rekey(), old.rekey(keep_view=False)):
        Z = torch.from_numpy(old.transform(X))
        found = reencrypt(Z, old, new)
        assert isinstance(found, torch.Tensor)
        np.testing.assert_array_equal(found, new.transform(X))
        ciphers = [TensorCipher(each._cipher, Z.device) for each in (old, new)]
        out, others = torch.empty_like(Z), np.arange(len(Z)) != 4
        Z[4] = 0.25
        keeps = old._keys.views == new._keys.views
        valid = ciphers[1].reencrypt(Z, ciphers[0], out, keeps_view=keeps)
        assert np.flatnonzero(~valid).tolist() == [4]
        assert torch.isnan(out[4]).all()
        np.testing.assert_array_equal(out[others], found[others])


def test_a_rekeyed_encryptor_comes_back_from_its_file(tmp_path):
    X, _ = wine()
    new = fitted(**SCORES).rekey(OTHER)
    new.save(tmp_path / "new.sealed")
    loaded = HomeomorphicEncryptor.load(tmp_path / "new.sealed", OTHER)
    Z = new.transform(X)
    np.testing.assert_array_equal(loaded.transform(X), Z)
    # Both recognise the view that they have in common.
    old = fitted(**SCORES)
    np.testing.assert_array_equal(reencrypt(Z, loaded, old), old.transform(X))


def test_bad_pairs_are_refused():
    X, _ = wine()
    old, space = fitted(**CELLS), fitted(leakage="space")
    Z = old.transform(X)
    for pair in ((old, space), (space, old)):
        with pytest.raises(ValueError, match=r"has leakage=\"space\""):
            reencrypt(Z, *pair)
    other = HomeomorphicEncryptor(**SCORES).fit(X[::2])
    with pytest.raises(ValueError, match="new was fitted by itself"):
        reencrypt(Z, old, other)
    with pytest.raises(TypeError, match="new must be a HomeomorphicEncryptor, got str"):
        reencrypt(Z, old, "new")
    with pytest.raises(TypeError, match="got bytes"):
        old.rekey(bytes(32))
    with pytest.raises(ValueError, match="set keep_view=False"):
        space.rekey()
    Z = space.transform(X)
    changed = space.rekey(keep_view=False)
    np.testing.assert_allclose(changed.inverse_transform(changed.transform(X)), X)
    assert (changed.transform(X) != Z).all()
