"""Trees of values and arrays come back as they were, and nothing else gets in."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_homeo._utils.trees import (
    dump_checked,
    dump_tree,
    load_checked,
    load_tree,
)

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.timedeltas()
)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner)
    ),
    max_leaves=20,
)


@given(trees)
def test_trees_come_back(tree):
    loaded = load_tree(dump_tree(tree))
    assert loaded == tree and type(loaded) is type(tree)


@pytest.mark.parametrize("array", [
    np.arange(6).reshape(2, 3), np.array(2.5), np.zeros((0, 3)),
    np.array([2**64 - 1], dtype=np.uint64), np.array([True, False]),
    np.arange(6.0).reshape(2, 3).T, np.array([np.nan, np.inf, -0.0]),
])  # fmt: skip
def test_arrays_come_back(array):
    loaded = load_tree(dump_tree({"list": [array]}))["list"][0]
    assert loaded.dtype == array.dtype and loaded.shape == array.shape
    assert loaded.tobytes() == array.tobytes()


def test_nan_comes_back():
    assert np.isnan(load_tree(dump_tree({"a": float("nan")}))["a"])


@pytest.mark.parametrize("value", [object(), {1}, np.float32(1), 1j, dt.UTC])
def test_other_types_are_named(value):
    with pytest.raises(TypeError, match=f"a {type(value).__name__} cannot be written"):
        dump_tree([value])


@given(st.binary())
def test_other_bytes_hold_no_tree(data):
    with pytest.raises(ValueError):
        load_tree(data)


def test_any_damaged_byte_is_noticed():
    tree = {"a": [1, 2.5, np.arange(3)], "b": "text"}
    data = dump_checked(tree)
    assert load_checked(data)["b"] == "text"
    for i in range(len(data)):
        damaged = bytearray(data)
        damaged[i] ^= 1 << i % 8
        with pytest.raises(ValueError, match="sent once more"):
            load_checked(bytes(damaged))
    with pytest.raises(ValueError, match="sent once more"):
        load_checked(data[:-1])
    with pytest.raises(TypeError, match="must be bytes"):
        load_checked("text")
