"""Tables of every type there and back, through the worst an encryptor may do."""

import pickle
import traceback
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from frames import N_ROWS, pandas_columns, polars_columns, returned
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from polars.testing import assert_frame_equal as assert_polars_equal
from sklearn.base import clone

from sklearn_homeo import HeavyTailWarning, SealedColumnsWarning, TableEncoder

PANDAS, POLARS = pandas_columns(), polars_columns()
ignore_tails = pytest.mark.filterwarnings(
    "ignore::sklearn_homeo.exceptions.HeavyTailWarning"
)


def there_and_back(table, **params):
    encoder = TableEncoder(sealed_columns=[], **params).fit(table)
    Z = encoder.transform(table)
    assert np.isfinite(Z).all()
    return encoder.inverse_transform(returned(Z, Z))


@ignore_tails
@pytest.mark.parametrize("name", PANDAS)
def test_pandas_columns_come_back(name):
    table = PANDAS[name].to_frame(name)
    back = there_and_back(table)
    assert_frame_equal(back, table, check_exact=True)
    found, expected = back[name], table[name]
    if expected.dtype == object:
        assert list(map(type, found)) == list(map(type, expected))
    elif isinstance(expected.dtype, np.dtype) and expected.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@ignore_tails
@pytest.mark.parametrize("name", POLARS)
def test_polars_columns_come_back(name):
    table = POLARS[name].to_frame("column")
    assert_polars_equal(there_and_back(table), table, check_exact=True)


@ignore_tails
def test_a_table_of_all_types_comes_back_with_its_names_order_and_index():
    table = pd.DataFrame(PANDAS)
    table.columns.name = "kinds"
    table.index = pd.date_range("2026-01-01", periods=N_ROWS, name="day")
    encoder = TableEncoder(sealed_columns=[]).set_output(transform="pandas")
    Z = encoder.fit_transform(table)
    assert Z.shape[1] == len(set(Z.columns))
    assert_frame_equal(encoder.inverse_transform(Z), table, check_freq=False)
    polars = pl.DataFrame([s.alias(name) for name, s in POLARS.items()])
    assert_polars_equal(there_and_back(polars), polars, check_exact=True)


@pytest.mark.parametrize("dtype", [
    "float64", "float32", "float16", ">f8", "int8", "uint64", "bool", "U5", "M8[s]",
    "m8[ns]", ">M8[D]", object,
])  # fmt: skip
def test_arrays_come_back(dtype):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, size=(30, 3)).astype(dtype)
    back = there_and_back(X)
    np.testing.assert_array_equal(back, X)
    assert back.dtype == X.dtype.newbyteorder("=")


@pytest.mark.parametrize("value", [0.00390625, 1e-5 / 3, 1e200 / 3, 1e-310, 10**15])
def test_constant_columns_come_back(value):
    table = pd.DataFrame({"column": [value] * 3})
    assert_frame_equal(there_and_back(table), table, check_exact=True)


def test_lists_of_mixed_rows_come_back_as_objects():
    rows = [[1, "a", 2.5], [2, "b", None], [3, "a", 0.1]]
    back = there_and_back(rows)
    assert back.tolist() == rows


SPECIAL = [0.0, -0.0, 5e-324, -1e308, 1.7976931348623157e308, 0.1, 46.2, 1e22, 2.0**53]
floats = st.floats() | st.sampled_from(SPECIAL)
decimals = st.integers(-(10**7), 10**7).map(lambda i: i / 1000)
STRATEGIES = {
    "float64": (floats, "float64"),
    "float32": (st.floats(width=32), "float32"),
    "decimals": (decimals, "float64"),
    "decimals and any": (decimals | floats, "float64"),
    "int64": (st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9), "int64"),
    "uint64": (st.integers(0, 2**64 - 1) | st.integers(0, 9), "uint64"),
    "Int64": (st.none() | st.integers(-(2**63), 2**63 - 1), "Int64"),
    "boolean": (st.none() | st.booleans(), "boolean"),
    "str": (st.none() | st.text(max_size=3), "str"),
    "object": (
        st.none() | st.integers() | st.floats() | st.text(max_size=2) | st.booleans(),
        object,
    ),
    "datetime": (
        st.integers(-(2**62), 2**62).map(np.datetime64("1970", "ns").__add__),
        "M8[ns]",
    ),
    "date": (st.none() | st.dates(), object),
    "timedelta": (st.timedeltas(), object),
    "decimal": (st.none() | st.decimals(-1000, 1000, places=3), object),
}


@ignore_tails
@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(1, 40))
@pytest.mark.parametrize("kind", STRATEGIES)
def test_any_column_comes_back(kind, data, n_rows):
    values, dtype = STRATEGIES[kind]
    column = data.draw(st.lists(values, min_size=n_rows, max_size=n_rows))
    table = pd.DataFrame({"column": pd.Series(column, dtype=dtype)})
    assert_frame_equal(there_and_back(table), table, check_exact=True)
    try:
        polars = pl.from_pandas(table)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError):
        return  # A mixture that polars has no type for.
    except Exception as error:
        if not type(error).__module__.startswith("pyarrow"):
            raise
        return
    assert_polars_equal(there_and_back(polars), polars, check_exact=True)


@ignore_tails
@settings(max_examples=60, deadline=None)
@given(
    st.lists(floats.filter(np.isfinite), min_size=20, max_size=20),
    st.sampled_from(["normal", "offset", "tails", "float32"]),
)
def test_floats_unlike_those_of_fit_come_back_too(queries, kind):
    rng = np.random.default_rng(0)
    known = {
        "normal": lambda: rng.normal(size=200),
        "offset": lambda: 1e6 + rng.normal(size=200),
        "tails": lambda: np.exp(9 * rng.normal(size=200)),
        "float32": lambda: rng.normal(size=200).astype(np.float32),
    }[kind]()
    with np.errstate(over="ignore"):
        queries = np.array(queries).astype(known.dtype)
    queries = queries[np.isfinite(queries)][:, np.newaxis]
    if not len(queries):
        return
    encoder = TableEncoder().fit(known[:, np.newaxis])
    Z_fit, Z = encoder.transform(known[:, np.newaxis]), encoder.transform(queries)
    back = encoder.inverse_transform(returned(Z_fit, Z))
    np.testing.assert_array_equal(back, queries)
    np.testing.assert_array_equal(np.signbit(back), np.signbit(queries))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=5, max_size=5), st.booleans()
)
@ignore_tails
def test_integers_unlike_those_of_fit_come_back_too(queries, heavy):
    rng = np.random.default_rng(0)
    known = rng.integers(0, 10**12, size=200)
    known[:100] = rng.integers(0, 100, size=100) if heavy else known[:100]
    if heavy:
        known[100:180] = known[:80]
    queries = np.array(queries)[:, np.newaxis]
    encoder = TableEncoder(sealed_columns=[]).fit(known[:, np.newaxis])
    Z_fit, Z = encoder.transform(known[:, np.newaxis]), encoder.transform(queries)
    np.testing.assert_array_equal(
        encoder.inverse_transform(returned(Z_fit, Z)), queries
    )


def test_decimals_take_one_column_and_more_of_them_come_back_while_there_is_room():
    bill = np.random.default_rng(0).normal(40, 5, size=(300, 1)).round(1)
    encoder = TableEncoder().fit(bill)
    Z = encoder.transform(bill)
    np.testing.assert_array_equal(Z, bill)
    finer = np.array([[46.25], [-0.0], [0.123]])
    back = encoder.inverse_transform(returned(Z, encoder.transform(finer)))
    np.testing.assert_array_equal(back, finer)
    assert np.signbit(back[1, 0])
    with pytest.raises(ValueError, match="column 0, rows 1, 2: more decimals"):
        encoder.transform(np.array([[46.2], [1 / 3], [np.pi]]))


def test_inexact_floats_take_one_column_each():
    X = np.random.default_rng(0).normal(size=(300, 4))
    assert TableEncoder().fit_transform(X).shape == (300, 12)
    encoder = TableEncoder(exact=False).fit(X)
    Z = encoder.transform(X)
    np.testing.assert_array_equal(Z, X)
    np.testing.assert_allclose(encoder.inverse_transform(returned(Z, Z)), X, atol=1e-8)


@pytest.mark.parametrize("kind", ["float", "integer", "uint64"])
def test_the_coarse_column_grows_with_the_numbers(kind):
    rng = np.random.default_rng(0)
    X = {
        "float": rng.standard_t(2, size=2000),
        "integer": rng.integers(-(10**15), 10**15, size=2000),
        "uint64": rng.integers(0, 2**64, size=2000, dtype=np.uint64),
    }[kind][:, np.newaxis]
    Z = TableEncoder().fit_transform(X)
    order = np.argsort(X[:, 0])
    assert (np.diff(Z[order, 0]) >= 0).all()
    if kind == "integer":
        assert np.corrcoef(Z[:, 0], X[:, 0])[0, 1] > 0.999999


def test_fine_columns_show_nothing():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5000, 1))
    Z = TableEncoder().fit_transform(X)
    for fine in Z.T[1:]:
        spread = (fine - fine.min()) / np.ptp(fine)
        assert abs(spread.mean() - 0.5) < 0.02
        assert abs(spread.std() - 12**-0.5) < 0.01
        assert abs(np.corrcoef(X[:, 0], fine)[0, 1]) < 0.05


def test_sentinels_leave_the_bulk_its_resolution_and_are_said():
    rng = np.random.default_rng(0)
    age = rng.integers(18, 90, size=500)
    income = rng.lognormal(10, 1, size=500)
    table = pd.DataFrame({"age": age, "income": income, "other": age})
    table.loc[::50, "age"] = 2_000_000_000
    table.loc[::50, "income"] = 1e18
    with pytest.warns(HeavyTailWarning, match="'age', 'income' the others"):
        encoder = TableEncoder().fit(table)
    Z = encoder.set_output(transform="pandas").transform(table)
    bulk = table["age"] < 100
    assert Z["age"][bulk].std() > 0.05 * Z["age"].std()
    assert_frame_equal(
        encoder.inverse_transform(returned(Z.to_numpy(), Z.to_numpy())), table
    )


def test_categories_beyond_the_most_frequent_share_columns_and_come_back():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"town": [f"t{i}" for i in rng.zipf(1.5, size=600) % 90]})
    encoder = TableEncoder(max_categories=5).fit(table)
    names = encoder.get_feature_names_out().tolist()
    assert len(names) == 6 and names[-2:] == [
        "town_infrequent",
        "town_infrequent_code",
    ]
    Z = encoder.transform(table)
    assert (Z[:, :5].sum(axis=1) == 1).all()
    assert_frame_equal(encoder.inverse_transform(returned(Z, Z)), table)


def test_an_unknown_category_is_a_rare_one_to_models_and_comes_back_missing():
    table = pd.DataFrame({"town": list("aaaabbbcdef")})
    encoder = TableEncoder(max_categories=3, handle_unknown="ignore").fit(table)
    Z = encoder.transform(pd.DataFrame({"town": ["a", "f", "z", None]}))
    np.testing.assert_array_equal(
        Z, [[1, 0, 0, 0], [0, 0, 1, 4], [0, 0, 1, 0], [0, 0, 0, 0]]
    )
    assert encoder.inverse_transform(Z)["town"].fillna("?").tolist() == list("af??")


UNKNOWN = {
    "category": ("colour", ["red", "mauve", None, "blue"], [1]),
    "number for text": ("colour", ["red", 1.5, "red", "blue"], [1]),
    "missing": ("age", [1.0, np.nan, 3.0, np.nan], [1, 3]),
    "infinite": ("age", [1.0, np.inf, 3.0, np.inf], [1, 3]),
    "fraction": ("count", [1.0, 1.5, 3.0, 4.0], [1]),
    "too large": ("count", [1.0, 1e30, 3.0, 4.0], [1]),
    "text for a number": ("count", ["red", "blue", "1", "2"], [0, 1, 2, 3]),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_cells_that_would_not_come_back_are_named_and_not_shown(case):
    name, values, rows = UNKNOWN[case]
    table = pd.DataFrame(
        {"colour": ["red", "blue", None, "red"], "age": [1.5, 2.5, 3, 4], "count": 1}
    )
    encoder = TableEncoder().fit(table)
    queries = table.assign(**{name: pd.Series(values, dtype=object)})
    if case != "number for text":
        queries = queries.infer_objects()
    listing = ", ".join(map(str, rows))
    said = f"column '{name}', rows? {listing}:"
    with pytest.raises(ValueError, match=said) as caught:
        encoder.transform(queries)
    text = "".join(traceback.format_exception(caught.value))
    assert "mauve" not in text and "1e+30" not in text
    lenient = clone(encoder).set_params(handle_unknown="warn").fit(table)
    with pytest.warns(UserWarning, match=said):
        Z = lenient.transform(queries)
    back = lenient.inverse_transform(Z)
    kept = [i for i in range(4) if i not in rows]
    assert_frame_equal(
        back.iloc[kept], table.assign(**{name: queries[name]}).iloc[kept],
        check_dtype=False,
    )  # fmt: skip
    lenient.set_params(handle_unknown="ignore")
    with warnings.catch_warnings(action="error"):
        np.testing.assert_array_equal(lenient.transform(queries), Z)


def test_a_query_table_may_have_other_types_than_that_of_fit():
    table = pd.DataFrame(
        {
            "n": [1, 2, 3],
            "when": pd.to_datetime(["2020-01-01"] * 3),
            "text": list("aba"),
        }
    )
    encoder = TableEncoder().fit(table)
    other = table.astype({"n": "Float64", "when": "M8[s]", "text": "category"})
    np.testing.assert_array_equal(encoder.transform(other), encoder.transform(table))
    polars = pl.from_pandas(table)
    np.testing.assert_array_equal(encoder.transform(polars), encoder.transform(table))


def people():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "PatientId": rng.permutation(40) + 1000,
            "age": rng.integers(18, 90, size=40),
            "name": [f"person {i}" for i in range(40)],
            "note": [f"{'lorem ipsum ' * 12}{i % 35}" for i in range(40)],
            "ward": ["a", "b"] * 20,
            "tags": [[i] for i in range(40)],
        }
    )


@pytest.mark.parametrize("kind", ["pandas", "polars", "numpy"])
def test_identifiers_and_free_text_are_set_aside_and_named(kind):
    table = people()
    if kind == "polars":
        table = pl.from_pandas(table)
    elif kind == "numpy":
        table = table.to_numpy()
    with pytest.warns(SealedColumnsWarning) as caught:
        encoder = TableEncoder().fit(table)
    message = str(caught[0].message)
    assert "person 1" not in message
    rest, sealed = encoder.split(table)
    if kind == "numpy":
        assert encoder.sealed_columns_ == [2, 3, 5]
        np.testing.assert_array_equal(encoder.join(rest, sealed), table)
    else:
        aside = ["PatientId", "name", "note", "tags"]
        assert encoder.sealed_columns_ == aside == list(sealed.columns)
        assert all(repr(name) in message for name in aside)
    Z = encoder.transform(table)
    assert Z.shape[1] < 12
    back = encoder.inverse_transform(Z, sealed)
    if kind == "numpy":
        np.testing.assert_array_equal(back, table)
    elif kind == "polars":
        assert_polars_equal(back, table)
        assert_polars_equal(encoder.join(rest, sealed), table)
    else:
        assert_frame_equal(back, table)
        assert_frame_equal(encoder.join(rest, sealed), table)
        assert_frame_equal(encoder.inverse_transform(Z), rest)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.string_view(), "Kowalska"),
        (pa.binary_view(), b"Kowalska"),
        (pa.month_day_nano_interval(), (1, 2, 3)),
    ],
    ids=str,
)
def test_arrow_types_that_nothing_counts_are_set_aside(kind, value):
    array = pa.array([value, None] * 20, kind)
    column = pd.Series(pd.arrays.ArrowExtensionArray(array))
    table = pd.DataFrame({"n": range(40), "c": column})
    with pytest.raises(TypeError, match="cannot be numbers: 'c'") as caught:
        TableEncoder(sealed_columns=[]).fit(table)
    assert "Kowalska" not in str(caught.value)
    with pytest.warns(SealedColumnsWarning):
        encoder = TableEncoder().fit(table)
    back = encoder.inverse_transform(encoder.transform(table), encoder.split(table)[1])
    assert back["c"].dtype == column.dtype
    assert back["c"].array.__arrow_array__().equals(column.array.__arrow_array__())


def test_a_table_of_nothing_but_sealed_columns_is_refused():
    with pytest.raises(ValueError, match="all columns of X are sealed"):
        TableEncoder(sealed_columns=["name"]).fit(people()[["name"]])


def test_named_columns_are_sealed_and_no_others():
    table = people().drop(columns="tags")
    with warnings.catch_warnings(action="error"):
        encoder = TableEncoder(sealed_columns=["ward"]).fit(table)
    assert encoder.sealed_columns_ == ["ward"]
    with pytest.raises(ValueError, match="names 'wards', but the columns are"):
        TableEncoder(sealed_columns=["wards"]).fit(table)
    with pytest.raises(TypeError, match="cannot be numbers: 'tags'"):
        TableEncoder(sealed_columns=["ward"]).fit(people())


@pytest.mark.parametrize("names", [[3, 0], [("a", 1), ("a", 2)], ["x", "x_missing"]])
def test_strange_column_names_come_back(names):
    table = pd.DataFrame({0: [1, 2, None], 1: ["a", "b", "a"]})
    table.columns = pd.MultiIndex.from_tuples(names) if names[0] == ("a", 1) else names
    encoder = TableEncoder().fit(table)
    assert len(set(encoder.get_feature_names_out())) == 4
    assert_frame_equal(encoder.inverse_transform(encoder.transform(table)), table)


def test_equal_column_names_are_refused():
    table = pd.DataFrame([[1, 2], [3, 4]], columns=["x", "x"])
    with pytest.raises(ValueError, match="names of columns must differ; twice: 'x'"):
        TableEncoder().fit(table)


@ignore_tails
def test_a_fitted_encoder_survives_pickle():
    table = pd.DataFrame(PANDAS)
    encoder = TableEncoder(sealed_columns=[]).fit(table)
    loaded = pickle.loads(pickle.dumps(encoder))
    Z = loaded.transform(table)
    np.testing.assert_array_equal(Z, encoder.transform(table))
    assert_frame_equal(loaded.inverse_transform(Z), table)


def test_made_up_rows_decode_to_something_of_the_right_types():
    """A synthesizer's rows are near the data, not on it."""
    rng = np.random.default_rng(0)
    with warnings.catch_warnings(action="ignore"):
        table = pd.DataFrame(PANDAS)
        encoder = TableEncoder(sealed_columns=[]).fit(table)
        Z = encoder.transform(table)
        for scale in (1, 1e3, 1e12, 1e300):
            noise = rng.normal(size=Z.shape) * (Z.std(axis=0) + 1)
            back = encoder.inverse_transform(np.clip(Z + noise * scale, -1e308, 1e308))
            assert list(back.dtypes) == list(table.dtypes)


def test_wrong_shapes_are_told():
    table = people()[["age", "ward"]]
    encoder = TableEncoder().fit(table)
    with pytest.raises(ValueError, match="Z has 2 columns, but TableEncoder gives 3"):
        encoder.inverse_transform(np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        encoder.fit(table.iloc[:0])
    with pytest.raises(ValueError, match=r"0 feature\(s\)"):
        encoder.fit(table.iloc[:, :0])
    with pytest.raises(ValueError, match="feature names should match"):
        encoder.transform(table[["ward", "age"]])
