import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from sklearn_homeo.encryption.label_space.projection import Projection


def exact(projection, u):
    """The same products in Python's integers."""
    limit = 2**20
    weights = [[int(w) for w in row] for row in projection.weights]
    found = np.empty((len(u), len(projection.units)), dtype=object)
    for i, row in enumerate(u):
        steps = [_nearest_even(int(row[j]), 2**13) for j in projection.columns]
        steps = [min(max(step, -limit), limit) for step in steps]
        for column in range(found.shape[1]):
            found[i, column] = sum(
                step * w[column] for step, w in zip(steps, weights, strict=True)
            )
    return found


def _nearest_even(value, step):
    quotient, rest = divmod(value, step)
    return quotient + (2 * rest > step or (2 * rest == step and quotient % 2 == 1))


def check(projection, u):
    found = projection.integers(u)
    expected = exact(projection, u)
    assert found.dtype == np.float64
    assert np.abs(expected).max(initial=0) <= 2**53
    assert all(
        int(a) == b for a, b in zip(found.ravel(), expected.ravel(), strict=True)
    )


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("n", [1, 2, 64, 1280, 25_000])
def test_products_are_those_of_integers(n, n_threads):
    rng = np.random.default_rng(n)
    u = rng.integers(-(2**40), 2**40, (3, n))
    u[0] = rng.integers(-(2**27), 2**27, n)
    # The largest sum there can be.
    matrix = np.column_stack([rng.normal(size=n), np.full(n, 2.0), -np.ones(n)])
    u[1], u[2] = 2**40 - 1, -(2**40)
    with threadpool_limits(n_threads):
        check(Projection.from_real(matrix), u)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_rows_and_weights(data):
    n = data.draw(st.integers(1, 12))
    k = data.draw(st.integers(1, 4))
    whole = st.integers(-(2**40), 2**40 - 1)
    near = st.integers(-(2**16), 2**16)
    rows = st.lists(st.one_of(whole, near), min_size=n, max_size=n)
    u = np.array(data.draw(st.lists(rows, min_size=1, max_size=4)), dtype=np.int64)
    weight = st.floats(-1e6, 1e6, allow_subnormal=False)
    weights = data.draw(st.lists(weight, min_size=n * k, max_size=n * k))
    check(Projection.from_real(np.reshape(weights, (n, k))), u)


@pytest.mark.parametrize("batch", [1, 7, 100])
def test_batches_make_no_difference(batch):
    rng = np.random.default_rng(0)
    u = rng.integers(-(2**30), 2**30, (200, 300))
    projection = Projection.from_real(rng.normal(size=(300, 9)))
    parts = [projection.integers(u[i : i + batch]) for i in range(0, 200, batch)]
    np.testing.assert_array_equal(np.vstack(parts), projection.integers(u))


def test_real_products_are_close_to_those_of_the_matrix():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(50, 64))
    matrix = rng.normal(size=(64, 5)) * [1.0, 1e-6, 1e6, 1.0, 1.0]
    u = np.rint(x * 2**27).astype(np.int64)
    error = (Projection.from_real(matrix).coordinates(u) - x @ matrix) / matrix.std(0)
    assert np.abs(error).max() < 2e-3


def test_columns_without_weight_are_not_read():
    matrix = np.zeros((40, 2))
    matrix[[3, 17]] = [[1.0, 0.0], [0.0, -2.0]]
    projection = Projection.from_real(matrix)
    assert projection.columns.tolist() == [3, 17]
    u = np.random.default_rng(0).integers(-(2**30), 2**30, (5, 40))
    np.testing.assert_allclose(
        projection.coordinates(u), (u * 2.0**-27) @ matrix, atol=2**-13
    )


def test_no_weight_at_all():
    projection = Projection.from_real(np.zeros((4, 2)))
    assert (projection.coordinates(np.ones((3, 4), dtype=np.int64)) == 0).all()


def test_outliers_are_clipped():
    projection = Projection.from_real(np.ones((1, 1)))
    u = np.array([[2**39], [-(2**39)]])
    np.testing.assert_array_equal(projection.coordinates(u), [[64.0], [-64.0]])


def test_state_rebuilds_it():
    rng = np.random.default_rng(0)
    projection = Projection.from_real(rng.normal(size=(30, 3)))
    again = Projection.from_state(projection.state())
    u = rng.integers(-(2**30), 2**30, (9, 30))
    np.testing.assert_array_equal(again.integers(u), projection.integers(u))
    np.testing.assert_array_equal(again.units, projection.units)


def test_tensors():
    torch = pytest.importorskip("torch")
    from sklearn_homeo._utils.arrays import to_device

    rng = np.random.default_rng(0)
    projection = Projection.from_real(rng.normal(size=(30, 3)))
    u = rng.integers(-(2**40), 2**40, (9, 30))
    moved = to_device(projection, torch.device("cpu"))
    found = moved.integers(torch.tensor(u))
    np.testing.assert_array_equal(found.numpy(), projection.integers(u))
