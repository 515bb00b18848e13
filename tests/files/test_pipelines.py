"""Pipelines of a table encoder and an encryptor in sealed files."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from frames import pandas_columns
from pandas.testing import assert_frame_equal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from problems import KEY, OTHER
from sklearn_homeo import (
    HomeomorphicEncryptor,
    SealedFileError,
    TableEncoder,
    load_pipeline,
    save_pipeline,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
FAST = {"n_preserved": 1, "linkage_noise": 0.1, "key": KEY}


def fitted(**params):
    table = pd.DataFrame(pandas_columns())
    y = np.arange(len(table)) % 2
    pipeline = make_pipeline(
        TableEncoder(sealed_columns=[]), HomeomorphicEncryptor(**FAST | params)
    )
    return pipeline.fit(table, y), table


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"randomized": True},
        {"leakage": "scores"},
        {"leakage": "cells"},
        {"leakage": "space"},
    ],
)
def test_every_type_of_column_comes_back_through_the_encryptor(params, tmp_path):
    if params.get("leakage") in ("cells", "space"):
        params = params | {"n_preserved": "auto", "linkage_noise": "auto"}
    pipeline, table = fitted(**params)
    Z = pipeline.transform(table)
    assert_frame_equal(pipeline.inverse_transform(Z), table, check_exact=True)
    save_pipeline(pipeline, tmp_path / "pipeline.sealed")
    loaded = load_pipeline(tmp_path / "pipeline.sealed", KEY)
    assert_frame_equal(loaded.inverse_transform(Z), table, check_exact=True)
    if not params.get("randomized"):
        np.testing.assert_array_equal(loaded.transform(table), Z)
    assert [type(step) for step in loaded] == [type(step) for step in pipeline]
    assert loaded[1].get_params() == pipeline[1].get_params()
    fitted_names = {name for name in vars(pipeline[1]) if name.endswith("_")}
    assert fitted_names <= set(vars(loaded[1]))


def test_another_process_decrypts(tmp_path):
    pipeline, table = fitted()
    save_pipeline(pipeline, tmp_path / "pipeline.sealed")
    np.save(tmp_path / "Z.npy", pipeline.transform(table))
    code = """
import sys
import numpy as np
from sklearn_homeo import SecretKey, load_pipeline
folder = sys.argv[1]
pipeline = load_pipeline(folder + "/pipeline.sealed", SecretKey(bytes(range(32))))
pipeline.inverse_transform(np.load(folder + "/Z.npy")).to_pickle(folder + "/back")
"""
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, tmp_path],
        check=True,
        env=environment,
    )
    back = pd.read_pickle(tmp_path / "back")
    assert_frame_equal(back, table, check_exact=True)


def test_other_pipelines_and_keys_are_told(tmp_path):
    pipeline, _ = fitted()
    path = tmp_path / "pipeline.sealed"
    model = make_pipeline(*pipeline, LogisticRegression())
    with pytest.raises(TypeError, match="LogisticRegression.*pipeline\\[:2\\]"):
        save_pipeline(model, path)
    with pytest.raises(TypeError, match="StandardScaler"):
        save_pipeline(make_pipeline(StandardScaler(), pipeline[1]), path)
    save_pipeline(pipeline, path)
    with pytest.raises(FileExistsError):
        save_pipeline(pipeline, path)
    with pytest.raises(SealedFileError, match="not under the given one"):
        load_pipeline(path, OTHER)
    with pytest.raises(SealedFileError, match="holds a pipeline, not a table encoder"):
        TableEncoder.load(path, KEY)
    assert KEY.to_bytes() not in path.read_bytes()
