from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris, load_wine
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sklearn_homeo.encryption._cipher_keys import ViewKeys
from sklearn_homeo.encryption.label_space.carriers import (
    MAX_CENTRE,
    carry,
    carry_line,
    on_grid,
)
from sklearn_homeo.encryption.label_space.cells import (
    Cells,
    CellsView,
    cut_cells,
    merge_small,
)
from sklearn_homeo.encryption.label_space.columns import TELLING_COLUMNS
from sklearn_homeo.encryption.label_space.cross_fitting import (
    fit_cross_fitted_scores,
    parts_of,
)
from sklearn_homeo.encryption.label_space.kernel_machines import KernelMachines
from sklearn_homeo.encryption.label_space.kernel_scores import (
    LINE_BITS,
    MAX_POINT,
    TABLE_SIZE,
    fit_kernel_scores,
)
from sklearn_homeo.encryption.label_space.linear_scores import fit_linear_scores
from sklearn_homeo.encryption.label_space.network_scores import fit_network_scores
from sklearn_homeo.encryption.label_space.regions import Regions
from sklearn_homeo.encryption.label_space.tree_scores import fit_boosted_scores
from sklearn_homeo.keys._key import SecretKey
from sklearn_homeo.keys._stream import KeyStream


def on_lattice(X):
    return np.rint(StandardScaler().fit_transform(X) * 2**27).astype(np.int64)


def kernel(u, outputs, sizes):
    return fit_kernel_scores(u, outputs, sizes, "soft")


FITS = [
    fit_linear_scores,
    kernel,
    fit_cross_fitted_scores,
    fit_boosted_scores,
    fit_network_scores,
]


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return on_lattice(X), y[:, None]


# Python's own integers, of any size.


def nearest_even(value, bits):
    """round(value / 2**bits), ties to even."""
    quotient, rest = divmod(value, 1 << bits)
    half = 1 << (bits - 1)
    return quotient + (rest > half or (rest == half and quotient % 2 == 1))


def coarse(row):
    return [min(max(nearest_even(int(v), 13), -(2**20)), 2**20) for v in row]


def rescaled(value, ratio):
    """round(value * ratio) for a power of two."""
    bits = -int(np.log2(ratio))
    return value << -bits if bits <= 0 else nearest_even(value, bits)


def products(projection, row):
    steps = coarse(row)
    return [
        sum(steps[c] * int(w) for c, w in zip(projection.columns, column, strict=True))
        for column in projection.weights.T
    ]


def linear_score(scorer, row):
    units = scorer.projection.units
    return [
        rescaled(p, unit * 2**10) + int(offset)
        for p, unit, offset in zip(
            products(scorer.projection, row), units, scorer.offsets, strict=True
        )
    ]


def cross_fitted_score(scorer, row):
    part = parts_of(row[None], len(scorer.weights))[0]
    return kernel_score(replace(scorer, weights=scorer.weights[part]), row)


def kernel_score(scorer, row):
    kernel, units = scorer.kernel, scorer.kernel.projection.units
    point = [
        min(max(rescaled(p, unit * 2**16), -int(MAX_POINT)), int(MAX_POINT))
        for p, unit in zip(products(kernel.projection, row), units, strict=True)
    ]
    sums = [0] * scorer.weights.shape[1]
    for landmark, weights in zip(kernel.landmarks, scorer.weights, strict=True):
        square = sum((a - int(b)) ** 2 for a, b in zip(point, landmark, strict=True))
        # 2**-32 is the unit of a square, 2**-20 that of the fine steps.
        fine = min(square >> (32 - 12 - LINE_BITS), (TABLE_SIZE - 1) << LINE_BITS)
        place, along = divmod(fine, 1 << LINE_BITS)
        lower = int(kernel.table[place])
        upper = int(kernel.table[min(place + 1, TABLE_SIZE - 1)])
        value = lower + ((upper - lower) * along >> LINE_BITS)
        sums = [s + value * int(w) for s, w in zip(sums, weights, strict=True)]
    assert max(abs(s) for s in sums) < 2**53
    return [
        rescaled(s, unit * 2**10) + int(offset)
        for s, unit, offset in zip(sums, scorer.units, scorer.offsets, strict=True)
    ]


def tree_score(scorer, row):
    steps = coarse(row)
    sums = [int(offset) for offset in scorer.offsets]
    for node in scorer.roots:
        while scorer.left[node] != node:
            low = steps[scorer.columns[node]] <= int(scorer.thresholds[node])
            node = scorer.left[node] if low else scorer.right[node]
        sums = [s + int(v) for s, v in zip(sums, scorer.values[node], strict=True)]
    return [nearest_even(s, 10) for s in sums]


def network_score(scorer, row):
    values, units = products(scorer.projection, row), scorer.projection.units
    offsets = scorer.offsets
    for layer in (scorer.second, scorer.last):
        steps = [
            rescaled(v, unit * 2**12) + int(offset)
            for v, unit, offset in zip(values, units, offsets, strict=True)
        ]
        steps = [min(max(step, 0), 2**20) for step in steps]
        values = [
            sum(step * int(w) for step, w in zip(steps, column, strict=True))
            for column in layer.weights.T
        ]
        assert max(abs(v) for v in values) < 2**53
        units, offsets = layer.units, layer.offsets
    return [
        rescaled(v, unit * 2**10) + int(offset)
        for v, unit, offset in zip(values, units, offsets, strict=True)
    ]


def cell(regions, scores):
    if regions.sizes is None:
        point, owner = scores, 0
    else:
        below = [(max(scores) - s) // 4 for s in scores]
        last = len(regions.exponentials) - 1
        weights = [int(regions.exponentials[min(b, last)]) for b in below]
        shares = [(w << 15) // sum(weights) for w in weights]
        point = [int(regions.roots[share]) for share in shares]
        owner = scores.index(max(scores))
    squares = [
        (
            own != owner,
            sum((p - int(c)) ** 2 for p, c in zip(point, centre, strict=True)),
        )
        for centre, own in zip(regions.centres, regions.owners, strict=True)
    ]
    return int(regions.cells[squares.index(min(squares))])


@pytest.mark.parametrize("is_numeric", [False, True])
@pytest.mark.parametrize(
    "fit, slow",
    list(
        zip(
            FITS,
            [
                linear_score,
                kernel_score,
                cross_fitted_score,
                tree_score,
                network_score,
            ],
            strict=True,
        )
    ),
    ids=["linear", "kernel", "cross-fitted", "trees", "network"],
)
def test_cells_are_those_of_integers(wine, fit, slow, is_numeric):
    u, labels = wine
    outputs, sizes = (labels - 1.0, None) if is_numeric else (labels, (3,))
    scorer = fit(u, outputs, sizes)
    fast = scorer.scores(u)
    regions = Regions.from_scores(fast, sizes, 9, 5)
    rng = np.random.default_rng(0)
    near = u[:20] + rng.integers(-(2**27), 2**27, (20, u.shape[1]))
    far = rng.integers(-(2**40), 2**40, (20, u.shape[1]))
    rows = np.vstack([u[::9], near, far])
    expected = [slow(scorer, row) for row in rows]
    clipped = [[min(max(s, -(2**20)), 2**20) for s in scores] for scores in expected]
    found = scorer.scores(rows)
    assert (np.clip(found, -(2**20), 2**20) == clipped).all()
    index = regions.index(found)
    for row, scores in enumerate(found):
        assert index[row] == cell(regions, [int(s) for s in scores])


@pytest.mark.parametrize("fit", FITS)
def test_no_bit_depends_on_batches_threads_or_saving(wine, fit):
    u, labels = wine
    scorer = fit(u, labels, (3,))
    scores = scorer.scores(u)
    cells = cut_cells(scorer, scores, labels, (3,), 6, 5)
    index = cells.index(u)
    assert (
        np.concatenate([cells.index(u[i : i + 1]) for i in range(len(u))]) == index
    ).all()
    with threadpool_limits(2):
        assert (cells.index(u) == index).all()
    again = Cells.from_state(cells.state())
    assert (again.index(u) == index).all()
    assert (again.centres == cells.centres).all()
    assert cells.index(u[:0]).shape == (0,)
    keys = ViewKeys.from_key(SecretKey.from_bytes(bytes(32)), "abc")
    view = CellsView(cells, 13, keys.stream())
    loaded = CellsView.from_state(view.state(), 13, keys)
    assert (loaded.codes(u) == view.codes(u)).all()


def test_a_sharp_metric_survives_rounding():
    rng = np.random.default_rng(3)
    u = on_lattice(rng.normal(size=(1500, 6)))
    labels = ((u[:, 0] > 0) + 2 * (u[:, 1] * 2.0**-27 > 0.3))[:, None].astype(int)
    scorer = fit_kernel_scores(u, labels, (4,), "sharp")
    # What they add up to is small beside the weights, where these are large.
    assert np.abs(scorer.weights * scorer.units).max() * 2**24 < 2.0**12
    assert (scorer.scores(u).argmax(axis=1) == labels[:, 0]).mean() > 0.95


def test_a_sharp_metric_finds_few_directions_among_many():
    rng = np.random.default_rng(0)
    S = rng.normal(size=(1900, 30))
    y = (S[:, 0] ** 2 - np.abs(S[:, 1]) + S[:, 2] > 0.2).astype(int)
    u = on_lattice(S @ np.linalg.qr(rng.normal(size=(30, 30)))[0])
    train = u[:900], y[:900, None], (2,)
    machines = KernelMachines(*train)
    right = {}
    for metric in ("plain", "soft", "sharp"):
        scorer = fit_kernel_scores(*train, metric, machines)
        right[metric] = (scorer.scores(u[900:]).argmax(axis=1) == y[900:]).mean()
    assert right["plain"] < 0.8
    assert right["sharp"] > right["soft"] + 0.03
    assert right["sharp"] > 0.89


@pytest.mark.parametrize("metric", ["plain", "soft", "sharp"])
@pytest.mark.parametrize("sizes", [(2,), None])
def test_a_fold_of_one_label_leaves_nothing_to_learn(metric, sizes):
    u = on_lattice(np.random.default_rng(0).normal(size=(5, 2)))
    scores = fit_kernel_scores(u, np.zeros((5, 1), int), sizes, metric).scores(u)
    assert np.ptp(scores, axis=0).max() <= 1


def test_small_cells_are_merged_with_their_neighbours():
    rng = np.random.default_rng(0)
    scores = np.rint(rng.normal(size=(500, 1)) * 1024)
    regions = Regions.from_scores(scores, None, 16, 5)
    assert regions.n_cells == 16
    merged = regions.with_at_least(50, regions.counts(scores))
    counts = np.bincount(merged.index(scores))
    assert len(counts) == merged.n_cells
    assert counts.min() >= 50
    # Cells of a number stay intervals.
    order = np.argsort(scores[:, 0])
    changes = (np.diff(merged.index(scores)[order]) != 0).sum()
    assert changes == merged.n_cells - 1
    assert regions.with_at_least(501, regions.counts(scores)).n_cells == 1


def test_no_cell_straddles_two_classes():
    rng = np.random.default_rng(1)
    logits = np.rint(rng.normal(size=(800, 4)) * 2000)
    regions = Regions.from_scores(logits, (4,), 12, 5)
    index = regions.index(logits)
    for one in range(regions.n_cells):
        assert len(np.unique(logits[index == one].argmax(axis=1))) <= 1


def test_centres_of_likelier_classes_lie_apart(wine):
    u, labels = wine
    scorer = fit_linear_scores(u, labels, (3,))
    cells = cut_cells(scorer, scorer.scores(u), labels, (3,), 6, 5)
    counts = np.bincount(cells.index(u), minlength=cells.n_cells)
    cells = merge_small(cells, counts, scorer.scores(u), labels, 10)
    assert np.bincount(cells.index(u)).min() >= 10
    assert np.abs(cells.centres).max() <= MAX_CENTRE
    owners = [labels[cells.index(u) == i].mean() for i in range(cells.n_cells)]
    for i in range(cells.n_cells):
        distance = ((cells.centres - cells.centres[i]) ** 2).sum(axis=1)
        same = np.abs(np.array(owners) - owners[i]) < 0.5
        if same.sum() > 1 and not same.all():
            assert np.sort(distance[same])[1] < distance[~same].max()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 40), st.integers(0, 9))
def test_codes_are_six_bits_and_of_the_key(n_cells, k, width, seed):
    rng = np.random.default_rng(seed)
    centres = on_grid(rng.normal(size=(n_cells, k)))
    stream = KeyStream(bytes([seed]) * 32)
    codes = carry(centres, width, stream)
    assert codes.dtype == np.int64
    assert codes.shape == (n_cells, width)
    assert codes.min() >= -32
    assert codes.max() <= 31
    assert (codes == carry(centres, width, KeyStream(bytes([seed]) * 32))).all()


def test_carriers_keep_neighbours_in_order():
    line = on_grid(np.linspace(0, 1, 30)[:, None])
    codes = carry(line, 7, KeyStream(bytes(32)))
    steps = np.diff(codes, axis=0)
    assert ((steps > 0).all(axis=0) | (steps < 0).all(axis=0)).all()
    other = carry(line, 7, KeyStream(bytes([1]) * 32))
    assert (codes != other).any()
    plane = on_grid(np.random.default_rng(0).normal(size=(40, 2)))
    codes = carry(plane, 8, KeyStream(bytes(32)))
    near = np.linalg.norm(plane[:, None] - plane, axis=2)
    seen = np.linalg.norm(codes[:, None] - codes, axis=2)
    assert np.corrcoef(near.ravel(), seen.ravel())[0, 1] > 0.95


def test_thresholds_of_boosted_trees_are_nearly_where_the_label_has_them():
    X = np.random.default_rng(0).normal(size=(6000, 4))
    u, labels = on_lattice(X), (X.max(axis=1) > 1.0).astype(int)[:, None]
    scores = fit_boosted_scores(u[:3000], labels[:3000], (2,)).scores(u[3000:])
    assert (scores.argmax(axis=1) == labels[3000:, 0]).mean() > 0.995


@pytest.mark.parametrize(
    "labels, sizes",
    [([1, 1], (3,)), ([0, 2], (3,)), ([0, 1, 3], (4,)), ([0.5, -0.5], None)],
)
def test_a_network_takes_whatever_classes_occur(labels, sizes):
    u = on_lattice(np.random.default_rng(0).normal(size=(600, 2)))
    places = (u[:, 0] > 0) + (u[:, 0] > 2**27) * (len(labels) > 2)
    outputs = np.array(labels)[places.astype(int)][:, None]
    scores = fit_network_scores(u, outputs, sizes).scores(u)
    if sizes is None:
        assert np.corrcoef(scores[:, 0], outputs[:, 0])[0, 1] > 0.9
    else:
        assert (scores.argmax(axis=1) == outputs[:, 0]).mean() > 0.95
        unseen = np.setdiff1d(np.arange(sizes[0]), labels)
        assert (scores[:, unseen] == -(2**14)).all()


def test_boosting_of_many_classes_does_not_diverge():
    X = np.random.default_rng(1).normal(size=(1500, 4))
    ring = np.digitize(np.hypot(X[:, 0], X[:, 1]), [0.67, 1.01, 1.35, 1.79])
    labels = ring * 4 + np.digitize(X[:, 2], [-0.67, 0.0, 0.67])
    u = on_lattice(X)
    scorer = fit_boosted_scores(u[:1000], labels[:1000, None], (20,))
    right = scorer.scores(u[1000:]).argmax(axis=1) == labels[1000:]
    assert right.mean() > 0.7


def test_boosting_learns_from_the_columns_of_many_that_tell():
    X = np.random.default_rng(2).normal(size=(1200, 200))
    labels = (np.abs(X[:, 150]) + np.abs(X[:, 20]) > 1.5).astype(int)
    u, known = on_lattice(X), np.arange(1200) < 800
    # Class by class: the first rows tell nothing.
    train = np.flatnonzero(known)[np.argsort(labels[known], kind="stable")]
    scorer = fit_boosted_scores(u[train], labels[train, None], (2,))
    used = np.unique(scorer.columns)
    assert {20, 150} <= set(used)
    assert len(used) <= TELLING_COLUMNS
    right = scorer.scores(u[~known]).argmax(axis=1) == labels[~known]
    assert right.mean() > 0.9


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 32), st.integers(5, 40), st.integers(0, 9))
def test_a_line_keeps_its_order_in_every_column_and_its_cells_apart(n, width, seed):
    line = on_grid(np.linspace(0, 1, n)[:, None])
    codes = carry_line(line, width, KeyStream(bytes([seed]) * 32))
    assert codes.dtype == np.int64 and np.abs(codes).max() <= 31
    steps = np.diff(codes, axis=0)
    assert ((steps >= 0).all(axis=0) | (steps <= 0).all(axis=0)).all()
    assert len(np.unique(codes, axis=0)) == n


def test_no_cell_of_a_line_is_in_the_middle_of_all_columns():
    line = on_grid(np.linspace(-1, 1, 9)[:, None])
    for carrier, least, most in ((carry, 0, 3), (carry_line, 12, 31)):
        codes = carrier(line, 10, KeyStream(bytes(32)))
        middle = np.abs(codes[4]).mean()
        assert least <= middle <= most


def test_a_view_is_the_same_for_all_rows_of_a_cell():
    X, y = load_iris(return_X_y=True)
    u, labels = on_lattice(X), y[:, None]
    scorer = fit_linear_scores(u, labels, (3,))
    cells = cut_cells(scorer, scorer.scores(u), labels, (3,), 6, 5)
    view = CellsView(cells, 5, KeyStream(bytes(32)))
    codes, index = view.codes(u), cells.index(u)
    assert codes.shape == (150, 5)
    assert len(np.unique(codes, axis=0)) == len(np.unique(index))
    for one in np.unique(index):
        assert len(np.unique(codes[index == one], axis=0)) == 1
    assert view.coordinates(u).shape == (150, cells.centres.shape[1])
    assert view.n_cells == cells.n_cells
    assert "0" not in repr(view).replace(str(view.n_cells), "")


def test_tensors_give_tensors(wine):
    torch = pytest.importorskip("torch")
    u, labels = wine
    scorer = fit_linear_scores(u, labels, (3,))
    cells = cut_cells(scorer, scorer.scores(u), labels, (3,), 6, 5)
    view = CellsView(cells, 13, KeyStream(bytes(32)))
    codes = view.codes(torch.tensor(u))
    assert isinstance(codes, torch.Tensor)
    assert (codes.numpy() == view.codes(u)).all()
