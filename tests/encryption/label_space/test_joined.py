"""Views of several targets side by side."""

import numpy as np
import pytest
from views import BitsView, ConstantView

from sklearn_homeo._utils.arrays import to_device
from sklearn_homeo.encryption.label_space.joined import (
    JoinedView,
    joined_state,
    parts_of,
)

U = np.random.default_rng(0).integers(-(2**40), 2**40, (20, 6))


def test_columns_and_coordinates_stand_side_by_side():
    first, second = BitsView(6), BitsView(3, 20)
    view = JoinedView([first, second])
    np.testing.assert_array_equal(view.codes(U)[:, :6], first.codes(U))
    np.testing.assert_array_equal(view.codes(U)[:, 6:], second.codes(U))
    assert view.coordinates(U).shape == (20, 4)


def test_cells_multiply_where_all_are_counted():
    few, many = ConstantView(3), ConstantView(4)
    few.n_cells, many.n_cells = 3, 5
    assert JoinedView([few, many]).n_cells == 15
    assert JoinedView([few, BitsView(2)]).n_cells is None


def test_states_keep_their_order():
    parts = [{"kind": "cells", "width": i} for i in range(12)]
    state = joined_state(parts)
    assert state["width"] == sum(range(12))
    assert parts_of(state) == parts
    assert parts_of(parts[3]) == [parts[3]]
    view = JoinedView([BitsView(6), BitsView(3)])
    assert [part["width"] for part in parts_of(view.state())] == [6, 3]


def test_tensors_give_the_same():
    torch = pytest.importorskip("torch")
    view = to_device(JoinedView([BitsView(6), BitsView(3)]), torch.device("cpu"))
    codes = view.codes(torch.tensor(U))
    assert isinstance(codes, torch.Tensor)
    np.testing.assert_array_equal(
        codes, JoinedView([BitsView(6), BitsView(3)]).codes(U)
    )
