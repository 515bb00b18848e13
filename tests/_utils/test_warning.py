"""Warnings point at the line that called the package, whatever wraps it."""

import numpy as np
import pandas as pd
import pytest

from problems import KEY
from sklearn_homeo import HomeomorphicEncryptor, SecretKey, TableEncoder, TanhEncryptor

X = np.random.default_rng(0).normal(size=(60, 6))
NAMES = pd.DataFrame({"name": [f"person {i}" for i in range(60)], "age": X[:, 0]})
REPEATED = np.vstack([X, X])
CALLS = {
    "fit": lambda: TanhEncryptor(key=KEY).fit(X),
    "fit_transform": lambda: TanhEncryptor(key=KEY).fit_transform(X),
    "several wrappers": lambda: HomeomorphicEncryptor(
        leakage="scores", n_preserved=1, key=KEY
    ).fit(REPEATED, REPEATED[:, 0] > 0),
    "set_output": lambda: TableEncoder().set_output(transform="pandas").fit(NAMES),
    "a function": lambda: SecretKey.insecure_from_seed(0),
    "a method": lambda: KEY.split(3),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_warnings_point_at_the_caller(call):
    with pytest.warns(UserWarning) as caught:
        call()
    assert {warning.filename for warning in caught} == {__file__}
