import numpy as np
import pytest
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier

from owners import curved, last_summaries
from problems import KEY, OTHER
from sklearn_homeo import HomeomorphicEncryptor, InvalidCiphertextError
from sklearn_homeo.encryption.label_space.trials import TOLERANCES


@pytest.fixture(scope="module")
def encryptor(rounds):
    return HomeomorphicEncryptor.from_summaries(rounds[-1][1], key=KEY)


def test_the_encryptor_is_an_ordinary_one(encryptor, tmp_path):
    X, _ = curved()
    Z = encryptor.transform(X)
    np.testing.assert_allclose(
        encryptor.inverse_transform(Z), X, atol=1e-7 * X.std(axis=0).max()
    )
    assert (encryptor.inverse_transform(Z)[:, 4] == X[:, 4]).all()
    assert encryptor.leakage_ == "cells"
    assert len(np.unique(encryptor.preserve(X), axis=0)) <= encryptor.n_cells_
    assert encryptor.certificate(X).leakage_bits == encryptor.leakage_bits_
    encryptor.save(tmp_path / "sealed")
    loaded = HomeomorphicEncryptor.load(tmp_path / "sealed", KEY)
    assert (loaded.transform(X) == Z).all()
    assert clone(encryptor).get_params()["n_cells"] == "auto"


def test_every_owner_gets_the_same_encryptor(rounds, encryptor):
    X, _ = curved()
    other = HomeomorphicEncryptor.from_summaries(sum(rounds[-1][1][::-1]), key=KEY)
    assert (other.transform(X) == encryptor.transform(X)).all()
    another = HomeomorphicEncryptor.from_summaries(rounds[-1][1], key=OTHER)
    with pytest.raises(InvalidCiphertextError):
        another.inverse_transform(encryptor.transform(X[:2]))


def test_cells_keep_curved_labels():
    X, y = curved(900)
    summaries = last_summaries(X[:600], y[:600], n_random_features=128)
    encryptor = HomeomorphicEncryptor.from_summaries(summaries, key=KEY)
    Z = encryptor.transform(X)
    model = KNeighborsClassifier(10).fit(Z[:600], y[:600])
    assert model.score(Z[600:], y[600:]) > 0.85
    sizes = np.unique(encryptor.preserve(X[:600]), axis=0, return_counts=True)[1]
    assert sizes.min() >= 10
    best = next(one for one in encryptor.probe_scores_ if one.n_cells is not None)
    assert all(loss <= TOLERANCES[name] for name, loss in best.losses.items())


def test_numbers():
    X, _ = curved(400)
    y = X[:, 0] ** 2 + X[:, 1] / 20
    summaries = last_summaries(X, y, None, n_random_features=64)
    encryptor = HomeomorphicEncryptor.from_summaries(summaries, key=KEY)
    Z = encryptor.transform(X)
    cells = np.unique(Z[:, 0] // 0.125, return_inverse=True)[1]
    means = np.bincount(cells, y) / np.bincount(cells)
    assert np.corrcoef(means[cells], y)[0, 1] > 0.95
    # Cells below the mean lie apart as well.
    best = encryptor.probe_scores_[0]
    assert best.scores["R2"] > 0.9
    centres = np.unique(encryptor.preserve(X), axis=0)
    assert (centres < 0).sum() > 3


def test_several_outputs_and_text():
    X, y = curved(400)
    labels = np.column_stack(
        [np.array(["no", "yes"])[y], np.where(X[:, 4] > 0, "b", "a")]
    )
    classes = [["no", "yes"], ["a", "b"]]
    summaries = last_summaries(X, labels, classes, n_cells=8)
    encryptor = HomeomorphicEncryptor.from_summaries(summaries, key=KEY)
    assert 2 <= encryptor.n_cells_ <= 8
    cells = np.unique(encryptor.preserve(X), axis=0, return_inverse=True)[1].ravel()
    positive = labels[:, 1] == "b"
    shares = np.bincount(cells, positive) / np.bincount(cells)
    assert ((shares[cells] > 0.5) == positive).mean() > 0.8


def test_what_does_not_belong_is_refused(rounds):
    with pytest.raises(ValueError, match="not the last"):
        HomeomorphicEncryptor.from_summaries(rounds[2][1], key=KEY)
    with pytest.raises(ValueError, match='give leakage="cells" only'):
        HomeomorphicEncryptor.from_summaries(rounds[-1][1], leakage="scores")
    with pytest.raises(TypeError, match="got n_cells"):
        HomeomorphicEncryptor.from_summaries(rounds[-1][1], n_cells=4)
    with pytest.raises(ValueError, match="depth"):
        HomeomorphicEncryptor.from_summaries(rounds[-1][1], depth=0)
    with pytest.raises(ValueError, match="key"):
        HomeomorphicEncryptor.from_summaries(rounds[-1][1], key=b"secret")
