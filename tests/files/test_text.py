"""Cells of text read as one type and written as they were."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_homeo.files._text import find_form, parse, render

COLUMNS = {
    "integers": (["1", "-20", "0"], ".", "integer", "int64"),
    "integers with gaps": (["1", "NA", "3"], ".", "integer", "Int64"),
    "decimals": (["46.20", "39.00", "-0.50"], ".", "number", "float64"),
    "shortest": (["46.2", "39.0", "0.001", "nan"], ".", "number", "float64"),
    "no point": (["46.2", "39", "1e-07"], ".", "number", "float64"),
    "decimal comma": (["46,2", "39,0", ""], ",", "number", "float64"),
    "dates": (["2020-01-31", "2021-02-28", "NA"], ".", "time", "datetime64[s]"),
    "German dates": (["31.01.2020", "28.02.2021"], ".", "time", "datetime64[s]"),
    "moments": (["2020-01-31 10:00:01"], ".", "time", "datetime64[s]"),
    "far dates": (["0001-01-31", "9999-12-31"], ".", "time", "datetime64[s]"),
    "text": (["a", "", "NA"], ".", "text", "str"),
    "codes": (["007", "010"], ".", "text", "str"),
    "mixed": (["1", "two"], ".", "text", "str"),
    "nothing": (["", ""], ".", "text", "str"),
    "long digits": (["9" * 30], ".", "text", "str"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_come_back_as_they_were(name):
    cells, decimal, kind, dtype = COLUMNS[name]
    form = find_form(cells, decimal)
    column = parse(cells, form)
    assert form["kind"] == kind and str(column.dtype) == dtype
    assert render(column, form) == cells


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False).map(repr), min_size=1))
def test_floats_as_python_writes_them_come_back(cells):
    form = find_form(cells, ".")
    assert render(parse(cells, form), form) == cells


@given(st.lists(st.text(max_size=5)), st.sampled_from(".,"))
def test_anything_can_be_read_and_most_cells_come_back(cells, decimal):
    form = find_form(cells, decimal)
    back = render(parse(cells, form), form)
    assert len(back) == len(cells)
    if form["kind"] == "text":
        assert back == cells


def test_cells_unlike_those_of_fit_are_missing():
    form = find_form(["1", "2"], ".")
    column = parse(["1", "two", "3.5", ""], form)
    assert column.isna().tolist() == [False, True, True, True]
    form = find_form(["2020-01-31"], ".")
    assert pd.isna(parse(["yesterday"], form)[0])
