"""Tables from files."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sklearn_homeo.files._sources import open_source
from sklearn_homeo.tables._reading import read_names, read_table

ROWS = [["name", "count", "size"], ["Åse", "3", "1.5"], ["Bo", "4", "2.25"]]


def write(path, rows, delimiter=",", encoding="utf-8"):
    text = "\n".join(delimiter.join(row) for row in rows) + "\n"
    path.write_bytes(text.encode(encoding))
    return path


def column(tmp_path, cells, delimiter=","):
    path = write(
        tmp_path / "c.csv", [["x", "y"], *([c, "0"] for c in cells)], delimiter
    )
    return read_table(path)["x"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"]
)
def test_delimiters_and_encodings(tmp_path, delimiter, encoding):
    path = write(tmp_path / "t.txt", ROWS, delimiter, encoding)
    assert read_names(path) == ROWS[0]
    table = read_table(path)
    assert table["name"].tolist() == ["Åse", "Bo"]
    assert table["count"].tolist() == [3, 4] and table["count"].dtype == "int64"
    assert table["size"].tolist() == [1.5, 2.25]


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx"])
def test_typed_files(tmp_path, suffix):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.5, np.nan]})
    path = tmp_path / f"t{suffix}"
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_excel(
        path, index=False
    )
    assert read_names(path) == ["a", "b", "c"]
    read = read_table(path)
    assert read["a"].tolist() == [1, 2]
    assert read["b"].isna().tolist() == [False, True]
    assert read["c"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        (["1", "2"], "int64"),
        (["1", "2.5"], "float64"),
        (["1", ""], "float64"),
        (["1", "NA"], "float64"),
        (["1e3", "-2"], "float64"),
        (["9223372036854775807", "1"], "int64"),
    ],
)
def test_numbers(tmp_path, cells, dtype):
    assert column(tmp_path, cells).dtype == dtype


@pytest.mark.parametrize(
    "cells",
    [
        ["007", "010"],
        ["1" * 30, "2"],
        ["1,5", "one"],
        ["NA", "None"],
        ["NA", "yes"],
        ["2024-01-02", "2024-01-03"],
    ],
)
def test_text_stays_text(tmp_path, cells):
    assert column(tmp_path, cells, ";").tolist() == cells


def test_empty_cells_are_missing(tmp_path):
    assert column(tmp_path, ["a", "", "  "]).isna().tolist() == [False, True, True]
    assert column(tmp_path, ["", ""]).isna().all()


def test_decimal_commas(tmp_path):
    assert column(tmp_path, ["1,5", "-2,25", "3"], ";").tolist() == [1.5, -2.25, 3]
    assert column(tmp_path, ["1.5", "-2.25", "3"], ";").tolist() == [1.5, -2.25, 3]


def test_quoted_delimiters_and_line_breaks(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('"a, b",c\n"x; y","two\nlines"\n"z",w\n')
    assert read_names(path) == ["a, b", "c"]
    assert read_table(path)["c"].tolist() == ["two\nlines", "w"]


def test_one_column(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n2\n")
    assert read_table(path)["a"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no header line"),
        (b"a,a ,y\n1,2,3\n", "'a' 2 time"),
        (b"a,,y\n1,2,3\n", "'' 1 time"),
        (bytes(range(256)), "binary"),
        (b"\xff\xfe\x00\xd8x", "utf-16"),
    ],
)
@pytest.mark.parametrize("read", [read_names, read_table])
def test_what_is_no_table_is_named(tmp_path, content, words, read):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx"])
@pytest.mark.parametrize("read", [read_names, read_table])
def test_damaged_files_are_named(tmp_path, suffix, read):
    path = tmp_path / f"t{suffix}"
    path.write_bytes(b"PK or PAR1")
    with pytest.raises(ValueError, match="t.(parquet|xlsx)"):
        read(path)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / f"no{suffix}")


def test_a_row_too_long_shows_no_cell(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\nsecret,2\n1,2,secret\n")
    with pytest.raises(ValueError, match="Expected 2 fields in line 3") as caught:
        read_table(path)
    assert "secret" not in str(caught.value)


def test_names_are_read_without_pandas(tmp_path):
    path = write(tmp_path / "t.csv", ROWS)
    code = (
        "import sys; from sklearn_homeo.tables._reading import read_names;"
        f"read_names({str(path)!r});"
        "assert not {'numpy', 'pandas', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("more", ["", "x"])
def test_names_of_a_table_larger_than_what_is_read_of_it(tmp_path, encoding, more):
    rows = [[f"né{more}" * 400, "b"], *[["ñ" * 5000, "1"]] * 20]
    path = write(tmp_path / "t.csv", rows, encoding=encoding)
    assert read_names(path) == rows[0]
    assert len(read_table(path)) == 20


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx"])
def test_pipes_are_refused_at_once(suffix, tmp_path):
    path = tmp_path / f"pipe{suffix}"
    os.mkfifo(path)
    for read in (read_table, read_names, open_source):
        with pytest.raises(ValueError, match="is not an ordinary file"):
            read(path)
