"""What an evaluation measures on a table."""

import numpy as np
import pytest
from sklearn.base import is_classifier, is_regressor

from problems import KEY
from sklearn_homeo.demo import evaluation, report, tables


def test_models_suit_the_task():
    for model in evaluation.make_models("classification").values():
        assert is_classifier(model)
    for model in evaluation.make_models("regression").values():
        assert is_regressor(model)
    with pytest.raises(ValueError, match="task='clustering'"):
        evaluation.make_models("clustering")


def test_rows_are_standardised_by_the_train_rows_alone():
    table = tables.load_bundled("wine")
    train, test = evaluation.split_table(table, random_state=1)
    rows = evaluation.split_rows(table, train, test)
    np.testing.assert_allclose(rows.X_train.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(rows.X_train.std(axis=0), 1)
    assert np.abs(rows.X_test.mean(axis=0)).max() > 1e-3
    assert not set(train) & set(test)


def test_a_baseline_that_refuses_gives_its_reason():
    table = tables.load_bundled("wine")
    baseline = evaluation.make_baseline(key=KEY)
    baseline.set_params(weight_scale=1e3)
    encryptor = evaluation.make_encryptor("auto", table.task, key=KEY)
    result = evaluation.measure_table(table, encryptor, baseline)
    text = report.format_text(result)
    assert "refused" in text
    assert result.ciphers[1].reason in " ".join(text.split())


def test_a_refusal_of_the_chosen_cipher_is_an_error():
    table = tables.load_bundled("wine")
    encryptor = evaluation.make_encryptor("auto", table.task, n_preserved=500)
    with pytest.raises(ValueError, match="wine: n_preserved=500"):
        evaluation.measure_table(table, encryptor)
