"""scikit-learn's own checks, and those that check_estimator leaves out."""

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_get_feature_names_out_error,
    check_global_output_transform_pandas,
    check_param_validation,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_set_output_transform_polars,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    parametrize_with_checks,
)

from sklearn_homeo import (
    ClassConditionalSynthesizer,
    HomeomorphicEncryptor,
    SecretKey,
    TableEncoder,
    TanhEncryptor,
)

KEY = SecretKey.from_bytes(bytes(range(32)))
INSTANCES = [
    HomeomorphicEncryptor(),
    HomeomorphicEncryptor(key=KEY),
    HomeomorphicEncryptor(key=KEY, n_preserved=1),
    HomeomorphicEncryptor(key=KEY, leakage="space", depth=10),
    TanhEncryptor(key=KEY),
    HomeomorphicEncryptor(key=KEY, device="cpu", batch_size=7),
]
SYNTHESIZERS = [
    ClassConditionalSynthesizer(random_state=0),
    ClassConditionalSynthesizer("mixture", n_components=2, random_state=0),
    ClassConditionalSynthesizer("kde", random_state=0),
    ClassConditionalSynthesizer("vae", max_epochs=2, random_state=0, device="cpu"),
    ClassConditionalSynthesizer(min_distance=0.1, random_state=0),
    ClassConditionalSynthesizer(epsilon=5.0, bounds=(-100, 100), random_state=0),
    ClassConditionalSynthesizer(sampling_strategy="balanced", random_state=0),
]
TABLE_ENCODERS = [TableEncoder(), TableEncoder(exact=False, handle_unknown="warn")]

# The published cipher warns at every fit; narrow data preserve everything.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.BrokenCipherWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.NoProtectionWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.MemorisationWarning"),
    # The checks for missing feature names provoke scikit-learn's own warning.
    pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names"),
]


def expected_failures(estimator):
    if isinstance(estimator, TableEncoder):
        return {}
    if isinstance(estimator, ClassConditionalSynthesizer):
        return synthesizer_failures(estimator)
    if estimator.key is None:
        return {
            "check_fit_idempotent": "key=None draws a fresh key at every fit, so "
            "that no key serves two data sets by accident; two fits give "
            "different ciphertexts by design",
        }
    return {}


def synthesizer_failures(synthesizer):
    if synthesizer.sampling_strategy != "same":
        return {}
    return dict.fromkeys(
        ["check_transformer_general", "check_transformer_data_not_an_array"],
        "fit_transform returns synthetic rows to train on, transform passes real "
        "queries through, by design; see test_synthesizer.py for a test of that",
    )


@parametrize_with_checks(
    INSTANCES + SYNTHESIZERS + TABLE_ENCODERS, expected_failed_checks=expected_failures
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check",
    [
        check_dataframe_column_names_consistency,
        check_get_feature_names_out_error,
        check_global_output_transform_pandas,
        check_param_validation,
        check_set_output_transform,
        check_set_output_transform_pandas,
        check_set_output_transform_polars,
        check_transformer_get_feature_names_out,
        check_transformer_get_feature_names_out_pandas,
    ],
)
@pytest.mark.parametrize(
    "estimator", INSTANCES[1:5] + SYNTHESIZERS[:1] + TABLE_ENCODERS
)
def test_checks_that_check_estimator_leaves_out(estimator, check):
    check(type(estimator).__name__, estimator)
