"""Several owners: one view in common, and nobody decrypts another's rows."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from owners import last_summaries
from problems import KEY, wine
from sklearn_homeo import HomeomorphicEncryptor, InvalidCiphertextError, SealedFileError
from sklearn_homeo.keys._seal import open_sealed

CELLS = {"leakage": "cells", "n_cells": 6}
SCORES = {"leakage": "scores", "n_preserved": 2, "linkage_noise": 0.1}
_FITTED = {}


def fitted(**options):
    """An encryptor of wine, fitted once for the same options."""
    name = str(options)
    if name not in _FITTED:
        X, y = wine()
        y = y if options["leakage"] == "cells" else None
        _FITTED[name] = HomeomorphicEncryptor(key=KEY, **options).fit(X, y)
    return _FITTED[name]


def codes(Z):
    """The view of ciphertexts."""
    return np.floor(Z * 8)


@pytest.mark.parametrize("options", [CELLS, SCORES, SCORES | {"randomized": True}])
def test_nobody_decrypts_anothers_rows(options):
    X, _ = wine()
    whole = fitted(**options)
    owners = [whole, whole.for_owner("north"), whole.for_owner("south")]
    for owner in owners:
        Z = owner.transform(X)
        np.testing.assert_allclose(owner.inverse_transform(Z), X, rtol=1e-6)
        for other in owners:
            if other is not owner:
                with pytest.raises(InvalidCiphertextError, match="178 of 178 rows"):
                    other.inverse_transform(Z)


def test_cells_are_the_same_and_one_model_serves_all():
    X, y = wine()
    owners = [fitted(**CELLS).for_owner(name) for name in "abc"]
    Z = [owner.transform(X) for owner in owners]
    for other in Z[1:]:
        np.testing.assert_array_equal(codes(other), codes(Z[0]))
        assert not np.isin(other, Z[0]).any()
    joint = np.concatenate([z[i::3] for i, z in enumerate(Z)])
    model = RandomForestClassifier(random_state=0)
    model.fit(joint, np.concatenate([y[i::3] for i in range(3)]))
    for i, z in enumerate(Z):
        queries, answers = (np.delete(a, slice(i, None, 3), axis=0) for a in (z, y))
        assert model.score(queries, answers) > 0.93


def test_noise_is_of_each_owners_own_and_the_map_in_common():
    X, _ = wine()
    quiet = fitted(**SCORES | {"linkage_noise": 0.0})
    a, b = (codes(quiet.for_owner(name).transform(X)) for name in "ab")
    np.testing.assert_array_equal(a, b)
    a, b = (codes(fitted(**SCORES).for_owner(name).transform(X)) for name in "ab")
    assert (a != b).any()
    assert np.abs(a - b).max() <= 12


def test_the_same_name_gives_the_same_encryptor():
    X, _ = wine()
    first, second = (fitted(**CELLS).for_owner("north") for _ in range(2))
    np.testing.assert_array_equal(first.transform(X), second.transform(X))
    assert first.key_ == KEY.for_owner("north") == first.key
    assert first.owner_ == "north"
    assert fitted(**CELLS).owner_ is None
    assert fitted(**CELLS).key_ == KEY


def shown(tree):
    """All of a sealed tree as text, which its own repr hides."""
    if isinstance(tree, dict):
        return " ".join(f"{name} {shown(value)}" for name, value in tree.items())
    if isinstance(tree, list | tuple):
        return " ".join(map(shown, tree))
    return str(tree)


def test_an_owners_file_holds_neither_the_whole_key_nor_another_owners(tmp_path):
    X, _ = wine()
    whole = fitted(**SCORES)
    north, south = whole.for_owner("north"), whole.for_owner("south")
    path = tmp_path / "north.sealed"
    north.save(path)
    loaded = HomeomorphicEncryptor.load(path, KEY.for_owner("north"))
    np.testing.assert_array_equal(loaded.transform(X), north.transform(X))
    assert loaded.owner_ == "north"
    for key in (KEY, KEY.for_owner("south")):
        with pytest.raises(SealedFileError, match="not under the given one"):
            HomeomorphicEncryptor.load(path, key)
    content = shown(open_sealed(path, "encryptor", north.key_))
    for other in (whole, south):
        keys = other._keys
        secrets = [other.key_.to_bytes(), *keys.locks, keys.binding]
        secrets += [keys.views[0].noise_aes, keys.views[0].noise_hash]
        for secret in secrets:
            assert str(secret) not in content
    assert str(whole._keys.views[0].map) in content


def test_a_clone_is_on_its_own():
    X, y = wine()
    north = fitted(**CELLS).for_owner("north")
    alone = clone(north).fit(X, y)
    assert alone.owner_ is None
    assert alone.key_ == north.key_
    assert (codes(alone.transform(X)) != codes(north.transform(X))).any()


def test_the_certificate_tells_what_other_owners_get():
    X, y = wine()
    text = str(fitted(**CELLS).for_owner("north").certificate(X))
    assert "the cell of a row, by the common view, and nothing else of 'north'" in text
    assert "other owners" not in str(fitted(**CELLS).certificate())
    scores = str(fitted(**SCORES).for_owner("north").certificate())
    assert "coordinates with noise, by the common view" in scores


def test_owners_need_a_name_and_residues():
    for name, error in (("", ValueError), (3, TypeError)):
        with pytest.raises(error, match="name must"):
            fitted(**CELLS).for_owner(name)
    with pytest.raises(ValueError, match='at leakage="space" the view is the whole'):
        fitted(leakage="space").for_owner("north")


@pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.LossOfAccuracyWarning")
def test_owners_of_one_fit_to_sums_decrypt_their_own_rows_alone():
    """Unequal sizes and classes and one shifted column, as in the gallery's example."""
    rng = np.random.default_rng(0)
    X, y = load_digits(return_X_y=True)
    X, y = X[:600, 16:40], y[:600]
    order = np.argsort(np.where(y <= 4, 0.7, 1.3) * rng.uniform(size=600))
    X, y = X[order[::-1]], y[order[::-1]]
    X[:100, 10] += 4
    summaries = last_summaries(X, y, range(10), n_cells=10)
    encryptor = HomeomorphicEncryptor.from_summaries(summaries, key=KEY)
    rows = dict(zip(["south", "east", "north"], np.split(X, [100, 300]), strict=True))
    own = {name: encryptor.for_owner(name) for name in rows}
    for name, owner in own.items():
        for other, records in rows.items():
            Z = own[other].transform(records)
            assert (codes(Z) == codes(encryptor.transform(records))).all()
            if name == other:
                np.testing.assert_allclose(owner.inverse_transform(Z), records)
                continue
            with pytest.raises(InvalidCiphertextError) as refused:
                owner.inverse_transform(Z)
            assert len(refused.value.rows) == len(Z)
