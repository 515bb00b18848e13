"""Real files of mixed types, there and back."""

import warnings
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from frames import returned
from pandas.testing import assert_frame_equal
from polars.testing import assert_frame_equal as assert_polars_equal

from problems import KEY
from sklearn_homeo import HomeomorphicEncryptor, TableEncoder
from sklearn_homeo.files._decrypting import decrypt_table_file
from sklearn_homeo.files._encrypting import encrypt_table_file


def folder_of(package, *parts):
    return Path(find_spec(package).submodule_search_locations[0], *parts)


PENGUINS = folder_of("palmerpenguins", "data")
VEGA = folder_of("vega_datasets", "_data")
# Name of the file, and what to predict.
FILES = {
    PENGUINS / "penguins.csv": "species",
    PENGUINS / "penguins-raw.csv": "Species",
    VEGA / "airports.csv": "state",
    VEGA / "seattle-weather.csv": "weather",
    VEGA / "us-employment.csv": "nonfarm",
    VEGA / "stocks.csv": "symbol",
    VEGA / "iowa-electricity.csv": "source",
    VEGA / "la-riots.csv": "gender",
    VEGA / "sf-temps.csv": "temp",
    VEGA / "cars.json": "Origin",
    VEGA / "barley.json": "site",
    VEGA / "driving.json": "side",
}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def read(path):
    table = pd.read_json(path) if path.suffix == ".json" else pd.read_csv(path)
    if path.stem == "sf-temps":
        table["date"] = pd.to_datetime(table["date"])
    return table


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("library", ["pandas", "polars", "Arrow"])
def test_frames_come_back(path, library):
    table = read(path)
    if library == "polars":
        table = pl.from_pandas(table)
    elif library == "Arrow":
        table = table.convert_dtypes(dtype_backend="pyarrow")
    encoder = TableEncoder().fit(table)
    _, sealed = encoder.split(table)
    Z = encoder.transform(table)
    back = encoder.inverse_transform(returned(Z, Z), sealed)
    equal = assert_polars_equal if library == "polars" else assert_frame_equal
    equal(back, table, check_exact=True)


@pytest.mark.parametrize("kind", ["text", "parquet"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_come_back(path, kind, tmp_path):
    source = path
    if kind == "parquet":
        source = tmp_path / "table.parquet"
        read(path).to_parquet(source)
    elif path.suffix == ".json":
        source = tmp_path / "table.csv"
        read(path).to_csv(source, index=False)
    # Nothing is chosen by cross-validation, which takes its time.
    encryptor = HomeomorphicEncryptor(leakage="space")
    with warnings.catch_warnings(action="ignore"):
        encrypt_table_file(
            source, KEY, tmp_path, target=FILES[path], encryptor=encryptor
        )
    out = tmp_path / f"back{source.suffix}"
    decrypt_table_file(
        tmp_path / "ciphertext.parquet", KEY, tmp_path / "encryptor.sealed", out
    )
    if kind == "text":
        assert out.read_bytes() == source.read_bytes()
    else:
        expected = pd.read_parquet(source)
        assert_frame_equal(pd.read_parquet(out), expected, check_exact=True)
