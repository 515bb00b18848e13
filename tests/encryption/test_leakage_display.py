"""The display of the dial: more cells keep more and let more be linked."""

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.svm import LinearSVC

from sklearn_homeo import HomeomorphicEncryptor, LeakageDisplay, SecretKey

pytest.importorskip("matplotlib")

ENCRYPTOR = HomeomorphicEncryptor(key=SecretKey.from_bytes(bytes(range(32))))


def test_more_cells_let_more_be_linked():
    X, y = load_wine(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    display = LeakageDisplay.from_estimator(
        ENCRYPTOR, X, names, n_cells=[3, 12], model=LinearSVC()
    )
    few, many = display.points
    assert (few.n_cells, few.linked) == (3, pytest.approx(3 / 54))
    assert many.n_cells > 3
    assert many.linked > few.linked >= display.plain.linked
    assert min(few.score, few.roc_auc) > 0.85
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels[:3] == ["balanced accuracy", "ROC AUC", "linked, at most"]
    assert display.plot(ax=display.ax_).figure_ is display.figure_


def test_numbers_have_no_curve():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    display = LeakageDisplay.from_estimator(ENCRYPTOR, X, X[:, 0], n_cells=[4])
    assert display.points[0].roc_auc is None
    assert np.isnan(display.plain.linked)
    assert 0.5 < display.points[0].score < display.plain.score
