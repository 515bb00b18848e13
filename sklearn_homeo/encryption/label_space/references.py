"""Models without cells, on all features: what cells must not fall short of."""

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from sklearn_homeo._utils.threads import single_threaded_blas

__all__ = ["models_of", "predicted_by"]


def models_of(sizes, n_rows):
    """Models for classes, or for numbers where `sizes` is None, by name."""
    n_neighbors = min(10, n_rows)
    if sizes is None:
        return {
            "neighbours": KNeighborsRegressor(n_neighbors, weights="distance"),
            "forest": ExtraTreesRegressor(30, random_state=0),
        }
    return {
        "neighbours": KNeighborsClassifier(n_neighbors, weights="distance"),
        "forest": ExtraTreesClassifier(30, random_state=0),
    }


def predicted_by(model, X, outputs, X_test, sizes):
    """Numbers, or probabilities of all classes of all outputs side by side."""
    with single_threaded_blas() as n_threads:
        model.set_params(n_jobs=n_threads)
        model.fit(X, outputs[:, 0] if outputs.shape[1] == 1 else outputs)
    # The order in which threads add up what trees say would change the last bits.
    model.set_params(n_jobs=None)
    if sizes is None:
        return model.predict(X_test).reshape(len(X_test), -1)
    found = model.predict_proba(X_test)
    single = outputs.shape[1] == 1
    blocks = []
    for proba, classes, size in zip(
        [found] if single else found,
        [model.classes_] if single else model.classes_,
        sizes,
        strict=True,
    ):
        block = np.zeros((len(X_test), size))
        block[:, classes] = proba
        blocks.append(block)
    return np.hstack(blocks)
