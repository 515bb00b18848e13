"""The hybrid in an evaluation."""

import numpy as np
from sklearn.utils import Bunch

from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo.demo.evaluation import make_models, split_rows, split_table
from sklearn_homeo.demo.hybrid import measure_hybrid, measure_table_hybrid
from sklearn_homeo.demo.tables import load_bundled


def test_hybrid_trains_as_well_and_tells_little():
    table = load_bundled("wine")
    rows = split_rows(table, *split_table(table))
    key = SecretKey.from_bytes(bytes(range(32)))
    encryptor = HomeomorphicEncryptor(key=key).fit(rows.X_train, rows.y_train)
    models = make_models("classification")
    few = {name: models[name] for name in ("logistic regression", "k-NN")}
    steps = []
    measured = measure_hybrid(rows, few, encryptor, on_step=lambda: steps.append(1))
    assert list(measured.scores) == list(few) and len(steps) == 2
    assert min(measured.scores.values()) > 0.9
    assert measured.attack.interval[0] < 0.55
    assert measured.attack.n == 133


def test_classes_too_small_for_a_hybrid_are_named():
    table = load_bundled("wine")
    few = np.r_[:60, 60:120, 175:178]
    table = Bunch(**table | {"X": table.X[few], "y": table.y[few]})
    rows = split_rows(table, *split_table(table))
    encryptor = HomeomorphicEncryptor(n_preserved=2).fit(rows.X_train, rows.y_train)
    result = Bunch(rows=rows, ciphers=[Bunch(encryptor=encryptor)])
    measured = measure_table_hybrid(result)
    assert "scores" not in measured
    assert "class" in measured.reason.lower()
