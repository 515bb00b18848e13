"""Labelled tables of files."""

import numpy as np
import pandas as pd
import pytest

from sklearn_homeo.demo.tables import load_bundled, read_file


def table_of(tmp_path, **columns):
    path = tmp_path / "t.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    return read_file(path, "y")


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0, 1] * 60, "classification"),
        (["1.0", "2.0"] * 60, "classification"),
        (["yes", "no", "5"] * 40, "classification"),
        (list(range(120)), "regression"),
        (np.linspace(0, 1, 120), "regression"),
        ([0.5, 1.5] * 60, "classification"),
    ],
)
def test_target_kinds(tmp_path, values, task):
    table = table_of(tmp_path, x=range(len(values)), y=values)
    assert table.task == task
    assert table.X.shape == (len(values), 1)


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (["1", "1.0", "2", "2.00"], {"1", "2"}),
        (["1", "1.0", "b", "b "], {"1", "b"}),
        (["NA", "NA", "yes", "yes"], {"NA", "yes"}),
        (["None", "null", "None", "null"], {"None", "null"}),
        (["0.5", "5e-1", "1.5", "1.50"], {"0.5", "1.5"}),
        (["True", "False", "True", "False"], {"True", "False"}),
        (["inf", "yes", "inf", "yes"], {"inf", "yes"}),
    ],
)
def test_labels_are_what_their_owner_means(tmp_path, values, classes):
    table = table_of(tmp_path, x=range(40), y=values * 10)
    assert set(table.y) == classes


def test_kinds_of_files_give_the_same_table(tmp_path):
    frame = pd.DataFrame({"a": np.arange(40) / 4, "y": ["no", "yes"] * 20})
    frame.to_csv(tmp_path / "t.csv", index=False, sep=";", decimal=",")
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    for name in ("t.csv", "t.parquet", "t.xlsx"):
        table = read_file(tmp_path / name, "y")
        np.testing.assert_array_equal(table.X[:, 0], frame["a"])
        assert table.y.tolist() == frame["y"].tolist()


def test_mixed_columns_are_encoded_and_identifiers_left_out(tmp_path):
    table = table_of(
        tmp_path,
        size=[1.5, None, 2.5, 3.5] * 10,
        colour=["red", "blue", None, "red"] * 10,
        code=[f"{i:05}" for i in range(40)],
        y=["no", "yes"] * 20,
    )
    assert table.feature_names == [
        "size", "size_missing", "colour_blue", "colour_red", "colour_missing",
    ]  # fmt: skip
    assert np.isfinite(table.X).all()
    assert len(table.notes) == 1 and "'code'" in table.notes[0]


def test_gaps_in_the_target_are_told_at_once(tmp_path):
    with pytest.raises(ValueError, match="'y' is missing in 10 row.*3, 7, 11"):
        table_of(tmp_path, x=range(40), y=["yes", "no", "", "no"] * 10)
    with pytest.raises(ValueError, match="'y' is infinite in 1 row.*: 40"):
        table_of(tmp_path, x=range(40), y=[*range(39), np.inf])


def test_without_features_it_says_so(tmp_path):
    with pytest.raises(ValueError, match="no column but the target"):
        table_of(tmp_path, y=["a", "b"] * 20)
    with pytest.raises(ValueError, match="nothing to encode"):
        table_of(tmp_path, y=["a", "b"] * 20, name=[f"n{i}" for i in range(40)])


def test_classes_that_are_too_small_are_not_named(tmp_path):
    with pytest.raises(ValueError, match=r"2 class\(es\) of fewer than 4") as caught:
        table_of(tmp_path, x=range(40), y=["a", "b"] * 18 + ["rare"] * 2 + ["few"] * 2)
    assert "37, 38, 39, 40" in str(caught.value)
    assert "rare" not in str(caught.value)


def test_unknown_bundled_table():
    with pytest.raises(ValueError, match="unknown dataset 'iris'"):
        load_bundled("iris")


def test_days_are_no_identifiers(tmp_path):
    days = pd.date_range("2026-01-01", periods=40).strftime("%Y-%m-%d")
    table = table_of(tmp_path, day=days, y=["a", "b"] * 20)
    assert table.feature_names == ["day"] and not table.notes
