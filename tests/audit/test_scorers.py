"""Scorers: a grid search that weighs privacy and utility together."""

import pickle

import numpy as np
import pytest
from attacked import features
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo.audit import (
    PrivacyUtilityDisplay,
    best_private_index,
    make_privacy_scorer,
)

KEY = SecretKey.from_bytes(bytes(range(32)))


def test_a_grid_search_takes_the_most_private_of_the_useful():
    X, y = load_breast_cancer(return_X_y=True)
    encryptor = HomeomorphicEncryptor(n_preserved=1, key=KEY)
    pipeline = make_pipeline(StandardScaler(), encryptor, LogisticRegression())
    search = GridSearchCV(
        pipeline,
        {
            "homeomorphicencryptor__depth": [1, 3],
            "homeomorphicencryptor__linkage_noise": [0.01, 0.5, 50.0],
        },
        scoring={"utility": "accuracy", "privacy": make_privacy_scorer()},
        refit=best_private_index(tolerance=0.05),
        cv=3,
    ).fit(X, y)
    results = search.cv_results_
    noise = results["param_homeomorphicencryptor__linkage_noise"].astype(float)
    privacy, utility = results["mean_test_privacy"], results["mean_test_utility"]
    assert privacy[noise == 0.5].mean() > privacy[noise == 0.01].mean() + 0.05
    useful = utility >= utility.max() - 0.05
    assert not useful[noise == 50].any()
    assert privacy[search.best_index_] == privacy[useful].max()
    assert search.best_params_["homeomorphicencryptor__linkage_noise"] == 0.5
    assert search.best_estimator_.score(X, y) > 0.9
    display = PrivacyUtilityDisplay.from_cv_results(results)
    assert len(display.frontier_) >= 1


@pytest.mark.parametrize("measure", ["reidentification", "reconstruction"])
def test_weak_ciphers_have_no_privacy(measure):
    X, y = features(300)
    scorer = pickle.loads(pickle.dumps(make_privacy_scorer(measure)))
    smooth = HomeomorphicEncryptor(leakage="space", key=KEY).fit(X, y)
    coupling = HomeomorphicEncryptor(n_preserved=1, linkage_noise=1.0, key=KEY)
    assert scorer(smooth, X) < 0.1
    assert scorer(coupling.fit(X, y), X, y) > 0.5
    assert scorer(smooth, X) == scorer(smooth, X)
    assert measure in repr(scorer)


def test_the_encryptor_is_found_behind_other_steps():
    X, y = features(300)
    encryptor = HomeomorphicEncryptor(leakage="space", key=KEY)
    pipeline = make_pipeline(StandardScaler(), encryptor, LogisticRegression())
    assert make_privacy_scorer()(pipeline.fit(X, y), X) < 0.1


def test_no_encryptor_or_too_few_rows():
    X, y = features(100)
    scorer = make_privacy_scorer()
    with pytest.raises(ValueError, match="without a fitted HomeomorphicEncryptor"):
        scorer(LogisticRegression().fit(X, y), X, y)
    with pytest.raises(ValueError, match="without a fitted HomeomorphicEncryptor"):
        scorer(make_pipeline(StandardScaler()).fit(X, y), X, y)
    smooth = HomeomorphicEncryptor(leakage="space", key=KEY).fit(X, y)
    with pytest.raises(ValueError, match="X has 13 rows, too few to leak"):
        scorer(smooth, X[:13])
    with pytest.raises(ValueError, match="measure"):
        make_privacy_scorer("secrecy")


def test_the_rule():
    results = {
        "mean_test_utility": np.array([0.97, 0.96, 0.96, 0.5, np.nan]),
        "mean_test_privacy": np.array([0.1, 0.8, 0.8, 1.0, 1.0]),
    }
    assert best_private_index(tolerance=0.0)(results) == 0
    assert best_private_index(tolerance=0.02)(results) in (1, 2)
    assert best_private_index(tolerance=0.9)(results) == 3
    assert pickle.loads(pickle.dumps(best_private_index()))(results) in (0, 1, 2)
    with pytest.raises(ValueError, match="both scores"):
        best_private_index()({name: np.full(2, np.nan) for name in results})
    with pytest.raises(ValueError, match="tolerance"):
        best_private_index(tolerance=-1)
