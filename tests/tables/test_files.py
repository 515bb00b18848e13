"""Sealed table encoders: every type of column, and a file of version 1."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest
from frames import pandas_columns, polars_columns
from pandas.testing import assert_frame_equal
from polars.testing import assert_frame_equal as assert_polars_equal

from problems import KEY, OTHER
from sklearn_homeo import SealedFileError, TableEncoder

PANDAS, POLARS = pandas_columns(), polars_columns()
GOLDEN = Path(__file__).parent.parent / "data" / "table_encoder_v1.sealed"

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_homeo.exceptions.HeavyTailWarning"
)


@pytest.mark.parametrize("name", [*PANDAS, *(f"polars {name}" for name in POLARS)])
def test_encoders_of_every_type_come_back(name, tmp_path):
    columns = POLARS if name.startswith("polars ") else PANDAS
    table = columns[name.removeprefix("polars ")].to_frame("column")
    encoder = TableEncoder(sealed_columns=[]).fit(table)
    encoder.save(tmp_path / "table.sealed", KEY)
    loaded = TableEncoder.load(tmp_path / "table.sealed", KEY)
    Z = loaded.transform(table)
    np.testing.assert_array_equal(Z, encoder.transform(table))
    back = loaded.inverse_transform(Z)
    equal = assert_polars_equal if columns is POLARS else assert_frame_equal
    equal(back, table, check_exact=True)


def test_names_parameters_and_sealed_columns_come_back(tmp_path):
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "tags": [[1], [2]]})
    table.columns.name = "kind"
    encoder = TableEncoder(
        max_categories=7, sealed_columns=("tags",), handle_unknown="warn"
    ).fit(table)
    encoder.save(tmp_path / "table.sealed", KEY)
    loaded = TableEncoder.load(tmp_path / "table.sealed", KEY)
    assert loaded.get_params() == encoder.get_params() | {"sealed_columns": ["tags"]}
    assert loaded.sealed_columns_ == ["tags"]
    assert list(loaded.feature_names_in_) == ["a", "b", "tags"]
    names = encoder.get_feature_names_out()
    np.testing.assert_array_equal(loaded.get_feature_names_out(), names)
    rest, sealed = loaded.split(table)
    assert_frame_equal(loaded.inverse_transform(loaded.transform(table), sealed), table)
    assert not set(vars(encoder)) - set(vars(loaded))


@pytest.mark.parametrize("dtype", [
    pl.List(pl.Int8), pl.Array(pl.Int8, (2, 3)), pl.Struct({"a": pl.Datetime("ms")}),
])  # fmt: skip
def test_types_of_sealed_columns_come_back(dtype, tmp_path):
    table = pl.DataFrame({"a": [1, 2], "nested": pl.Series([None, None], dtype=dtype)})
    encoder = TableEncoder(sealed_columns=["nested"]).fit(table)
    encoder.save(tmp_path / "table.sealed", KEY)
    loaded = TableEncoder.load(tmp_path / "table.sealed", KEY)
    _, sealed = loaded.split(table)
    back = loaded.inverse_transform(loaded.transform(table), sealed)
    assert_polars_equal(back, table)
    assert loaded._layout.dtypes == encoder._layout.dtypes


NOON = dt.datetime(2020, 10, 25, 2, 30)
EQUAL_BUT_NOT_THE_SAME = {
    "which of two hours": [dt.time(1, 30), dt.time(1, 30, fold=1)],
    "which of two moments": [NOON, NOON.replace(fold=1)],
    "time zones": [
        NOON.replace(tzinfo=dt.UTC),
        NOON.replace(tzinfo=dt.UTC).astimezone(ZoneInfo("Europe/Warsaw")),
    ],
    "tuples next to text": [(1,), (1.0,), (True,), "a"],
    "decimals next to text": [Decimal("1.0"), Decimal("1.00"), Decimal("-0"), "0"],
}


@pytest.mark.parametrize("values", EQUAL_BUT_NOT_THE_SAME.values())
def test_equal_objects_that_differ_come_back_also_from_a_file(values, tmp_path):
    table = pd.DataFrame(
        {"x": range(40), "t": pd.Series((values * 20)[:40], dtype="O")}
    )
    encoder = TableEncoder().fit(table)
    encoder.save(tmp_path / "table.sealed", KEY)
    for one in (encoder, TableEncoder.load(tmp_path / "table.sealed", KEY)):
        back = one.inverse_transform(one.transform(table))
        assert list(map(repr, back["t"])) == list(map(repr, table["t"]))


def test_objects_that_no_file_takes_are_told(tmp_path):
    zone = type("Zone", (dt.tzinfo,), {"utcoffset": lambda *_: dt.timedelta(0)})()
    table = pd.DataFrame({"x": range(4), "t": [NOON.replace(tzinfo=zone), "a"] * 2})
    with pytest.raises(TypeError, match="a zone of type Zone cannot be written"):
        TableEncoder().fit(table).save(tmp_path / "table.sealed", KEY)


def test_wrong_keys_and_other_files_are_told(tmp_path):
    path = tmp_path / "table.sealed"
    TableEncoder().fit(np.eye(3)).save(path, KEY)
    with pytest.raises(SealedFileError, match="not under the given one"):
        TableEncoder.load(path, OTHER)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(SealedFileError, match="changed or cut off"):
        TableEncoder.load(path, KEY)


def golden_table():
    """Return the table that the golden file was fitted on; never to be changed."""
    names = ["int64", "sentinel", "float64", "decimals", "float64 with NaN", "bool"]
    names += ["Int32", "str with gaps", "text of many values", "ordered", "datetime ns"]
    names += ["time zone", "timedelta", "date", "Decimal", "mixed", "interval", "None"]
    return pd.DataFrame({name: PANDAS[name] for name in names})


def test_a_file_of_the_first_version_opens():
    table = golden_table()
    loaded = TableEncoder.load(GOLDEN, KEY)
    Z = loaded.transform(table)
    np.testing.assert_array_equal(
        Z, TableEncoder(max_categories=10, sealed_columns=[]).fit_transform(table)
    )
    back = loaded.inverse_transform(Z)
    assert list(back.columns) == list(table.columns)
    # Types of text and units of time are those of pandas 3, which wrote the file.
    if pd.__version__ >= "3":
        assert_frame_equal(back, table, check_exact=True)
