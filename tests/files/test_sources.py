"""Tables' files: written again as they were read."""

import traceback

import numpy as np
import pandas as pd
import polars as pl
import pytest
from frames import pandas_columns, polars_columns
from pandas.testing import assert_frame_equal
from polars.testing import assert_frame_equal as assert_polars_equal

from sklearn_homeo.files._sources import open_source, source_class, write_frame

TEXTS = {
    "plain": "a,b\n1,x\n2,y\n",
    "no last end": "a,b\n1,x\n2,y",
    "Windows": "a;b\r\n1,5;x\r\n2,5;ä\r\n",
    "quotes": '"a","b"\n"1","x, y"\n"2","y ""z"""\n',
    "quotes where needed": 'a,b\n1,"x, y"\n2,"line\nend"\n',
    "spaces": "a,b\n 1,x \n2, y\n",
    "gaps": "a,b\n,x\nNA,\n",
    "tabs": "a\tb\n1\tx\n2\ty\n",
    "carriage returns": "a,b\r1,x\r2,y\r",
    "mixed ends": "a,b\n1,x\r\n2,y\n3,z",
    "line break of another kind": 'a,b\n1,"x\r\ny"\n2,y\n',
    "empty lines": "\na,b\n\n1,x\n2,y\n\n\n",
    "spaces in the header": "a , b\n1,x\n2,y\n",
    "quotes in the header": '"a","b"\n1,x\n2,y\n',
    "quotes in some rows": 'a,b\n1,"x"\n2,y\n"3",z\n',
    "quotes within cells": 'a,b\n1,x"y\n2,y\n',
    "formulas": "a,b\n=1+1,=cmd|' /C calc'!A0\n2,@y\n",
}


def written_again(path, out):
    source = open_source(path)
    frame = source.frame()
    assert list(frame.columns) == source.names
    columns = {name: source.cells(name) for name in source.names}
    about = source.about() | {"texts": getattr(source, "texts", {})}
    source_class(source.kind).write(columns, about, out)
    return source


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"]
)
def test_text_comes_back_to_the_byte(name, encoding, tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_bytes(TEXTS[name].encode(encoding))
    written_again(path, out)
    assert out.read_bytes().decode(encoding) == TEXTS[name]
    if "ä" in TEXTS[name] or encoding != "cp1252":
        assert out.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("width", [16, 32])
def test_the_order_of_bytes_comes_back(order, width, tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_bytes(("\ufeff" + TEXTS["plain"]).encode(f"utf-{width}-{order}"))
    written_again(path, out)
    assert out.read_bytes() == path.read_bytes()


def test_rows_that_were_left_out_take_their_text_along(tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text('a , b\n1,"x"\n2,y\n3,z"z')
    source = open_source(path)
    source.frame()
    assert source.texts == {0: '1,"x"\n', 2: '3,z"z'}
    columns = {name: source.cells(name)[::2] for name in source.names}
    about = source.about() | {"texts": {0: source.texts[0], 1: source.texts[2]}}
    source_class(source.kind).write(columns, about, out)
    assert out.read_text() == 'a , b\n1,"x"\n3,z"z'


def test_wide_tables_are_read_and_endless_cells_are_told(tmp_path):
    path = tmp_path / "in.csv"
    # The header has more characters than Python's reader takes in a cell.
    header = ",".join(f"{'column' * 30}{i}" for i in range(1000))
    path.write_text(f"{header}\n{','.join('1' * 1000)}\n")
    assert len(open_source(path).names) == 1000
    for text in (f"a,b\n1,{'x' * 200_000}\n", f"a,{'b' * 200_000}\n1,2\n"):
        path.write_text(text)
        with pytest.raises(ValueError, match="in.csv: not a table: from line . on"):
            open_source(path)


def test_text_as_parquet_has_types(tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    path.write_text("a,b,c\n1,x,2020-01-31\n2,,2021-02-28\n")
    written_again(path, out)
    frame = pd.read_parquet(out)
    assert frame["a"].tolist() == [1, 2]
    assert frame["b"].isna().tolist() == [False, True]
    assert frame["c"].dtype.kind == "M"


UNFIT = {"interval", "interval array", "mixed", "sparse", "float16", "None"}
UNFIT |= {"Python ints beyond 2**64", "Arrow dictionary"}


def test_parquet_of_pandas_comes_back(tmp_path):
    columns = {k: v for k, v in pandas_columns().items() if k not in UNFIT}
    table = pd.DataFrame(columns)
    table.index = pd.date_range("2026-01-01", periods=len(table), name="day")
    table.to_parquet(tmp_path / "in.parquet")
    written_again(tmp_path / "in.parquet", tmp_path / "out.parquet")
    expected = pd.read_parquet(tmp_path / "in.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert_frame_equal(found, expected, check_exact=True)
    assert found.attrs == expected.attrs and found.index.equals(expected.index)


def test_parquet_of_polars_comes_back(tmp_path):
    columns = polars_columns()
    del columns["Int128"]  # pyarrow has no such type.
    table = pl.DataFrame([s.alias(name) for name, s in columns.items()])
    table = table.with_columns(
        nested=pl.Series([[1, None], None, []] * (len(table) // 3)),
        struct=pl.struct("int64", "str"),
        nanoseconds=pl.from_epoch(pl.arange(0, len(table)), "ns").dt.time(),
    )
    table.write_parquet(tmp_path / "in.parquet")
    written_again(tmp_path / "in.parquet", tmp_path / "out.parquet")
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert_polars_equal(found, pl.read_parquet(tmp_path / "in.parquet"))


def test_spreadsheets_come_back(tmp_path):
    table = pd.DataFrame(
        {
            "a": [1, 2, 3],
            "b": [0.5, np.nan, 1e10],
            "c": ["x", None, "z"],
            "d": pd.to_datetime(["2020-01-31", None, "2021-02-28"]),
            "e": [True, False, True],
        }
    )
    table.to_excel(tmp_path / "in.xlsx", index=False)
    written_again(tmp_path / "in.xlsx", tmp_path / "out.xlsx")
    expected = pd.read_excel(tmp_path / "in.xlsx")
    assert_frame_equal(pd.read_excel(tmp_path / "out.xlsx"), expected)


def sheet_of(column, tmp_path):
    out = tmp_path / "out.xlsx"
    write_frame(pd.DataFrame({"c": column}), out)
    return pd.read_excel(out, keep_default_na=False)["c"].tolist()


def test_text_of_a_sheet_is_no_formula(tmp_path):
    text = ["=1+1", "=cmd|' /C calc'!A0", "+2", "-3", "@SUM(1)", "#N/A", "x"]
    assert sheet_of(text, tmp_path) == text


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ([2**60 + 1, 5], "whole numbers beyond"),
        (np.array([2**63, 5], dtype="uint64"), "whole numbers beyond"),
        ([2**60 + 1, "x"], "whole numbers beyond"),
        (["x" * 40_000, "y"], "text of more than 32,767"),
        (["x\x01", "y"], "control characters"),
        (pd.date_range("2020-01-01", periods=2, tz="UTC"), "times with a zone"),
        (pd.to_timedelta([1, 2], "h"), "durations"),
    ],
)
def test_what_sheets_would_change_is_refused(column, reason, tmp_path):
    with pytest.raises(ValueError, match=f"column 'c' has {reason}"):
        sheet_of(column, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out.parquet", "out.xls", "out.ods"])
def test_what_cannot_be_written_leaves_no_file_and_shows_no_cell(name, tmp_path):
    table = pd.DataFrame({"c": [1, "Kowalska"]})
    with pytest.raises(ValueError, match=name) as caught:
        write_frame(table, tmp_path / name)
    assert "Kowalska" not in "".join(traceback.format_exception(caught.value))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text(TEXTS["plain"])
    for name in ("out.csv", "out.parquet", "out.xlsx"):
        (tmp_path / name).touch()
        with pytest.raises(FileExistsError):
            written_again(path, tmp_path / name)


def test_rows_of_other_lengths_are_told(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("a,b\n1,x\n2\n3,z\n")
    with pytest.raises(ValueError, match="row 2 has 1 cells, but the header has 2"):
        open_source(path)
