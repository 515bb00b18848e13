"""What the papers say of the hybrid, as far as it is true."""

import pickle

import numpy as np
import pytest

from problems import KEY, correlated, error_in_deviations
from sklearn_homeo import (
    ClassConditionalSynthesizer,
    HomeomorphicEncryptor,
    InvalidCiphertextError,
)
from sklearn_homeo.audit import distance_to_records


@pytest.fixture(scope="module")
def hybrid():
    X, y = correlated(600, 20)
    encryptor = HomeomorphicEncryptor(n_preserved=1, key=KEY).fit(X, y)
    Z = encryptor.transform(X)
    synthesizer = ClassConditionalSynthesizer(random_state=0).fit(Z, y)
    return X, y, encryptor, Z, synthesizer


def test_no_hybrid_row_belongs_to_a_record(hybrid):
    X, y, encryptor, Z, synthesizer = hybrid
    rows = ClassConditionalSynthesizer(random_state=0).fit_transform(Z, y)
    near = distance_to_records(rows, Z, Z)
    assert near.n_copies == 0
    assert near.minimum > 0
    # Row i is of the class of record i, and no nearer to it than to others of it.
    distances = [
        np.linalg.norm(rows[y == label][:, None] - Z[y == label], axis=2)
        for label in np.unique(y)
    ]
    ranks = np.concatenate(
        [(d < np.diag(d)[:, None]).sum(axis=1) / len(d) for d in distances]
    )
    assert abs(ranks.mean() - 0.5) < 0.05
    with pytest.raises(InvalidCiphertextError):
        encryptor.inverse_transform(rows)


def test_originals_may_be_deleted(hybrid):
    X, _, encryptor, Z, synthesizer = hybrid
    kept = pickle.dumps(encryptor)
    # Neither holds a record, however few bytes of it.
    for row in X[:50]:
        assert row[:2].tobytes() not in kept
    for row in Z[:50]:
        assert row[:2].tobytes() not in pickle.dumps(synthesizer)
    opened = pickle.loads(kept).inverse_transform(Z)
    assert error_in_deviations(opened, X).max() < 1e-6


def test_who_has_the_key_finds_no_record_in_the_hybrid(hybrid):
    X, _, encryptor, Z, synthesizer = hybrid
    rows, _ = synthesizer.sample(600)
    with pytest.warns(UserWarning, match="ciphertext"):
        opened = encryptor.set_params(on_invalid="warn").inverse_transform(rows)
    scale = X.std(axis=0)
    near = distance_to_records(opened / scale, X / scale, X / scale)
    among = distance_to_records(X[:300] / scale, X[300:] / scale, X[300:] / scale)
    assert near.n_copies == 0
    assert near.minimum > among.minimum
