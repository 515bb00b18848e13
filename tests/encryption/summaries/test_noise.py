"""Noise on owners' sums: how much a row can change, what is added, what it costs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from owners import curved, shares
from problems import KEY, OTHER
from sklearn_homeo import HomeomorphicEncryptor, MaskingKey, SummaryPlan
from sklearn_homeo.encryption.summaries.noise import clipped_norms
from sklearn_homeo.encryption.summaries.plan import _ROUNDS
from sklearn_homeo.encryption.summaries.rows import own_rows
from sklearn_homeo.encryption.summaries.sums import FoldSums
from sklearn_homeo.privacy.gaussian_mechanism import gaussian_delta

BOUNDS = ([-4.0, -40.0, -0.4, -4e3, -9.0], [4.0, 40.0, 0.4, 4e3, 9.0])
NOISE = {"epsilon": 50.0, "bounds": BOUNDS, "n_random_features": 24}


def rounds_of(plan, X, y):
    """The plans of all rounds of one owner."""
    plans = [plan]
    while not plan.is_last:
        plan = plan.advance(plan.summarize(X, y, KEY))
        plans.append(plan)
    return plans


@pytest.fixture(scope="module")
def plans():
    return rounds_of(SummaryPlan(5, [0, 1], **NOISE), *curved())


@pytest.fixture(scope="module")
def plans_of_two_outputs():
    X, y = curved(90)
    plan = SummaryPlan(5, [[0, 1], [0, 1, 2]], min_group_size=1, n_cells=6, **NOISE)
    return rounds_of(plan, X, np.column_stack([y, np.arange(90) % 3]))


def plain_sums(plan, X, y):
    return _ROUNDS[plan.round][0].sums(plan, own_rows(plan, X, y))


VALUES = st.one_of(st.floats(-1.5, 1.5), st.sampled_from([-1.0, 1.0, -1e9, 1e9]))


@given(st.lists(VALUES, min_size=10, max_size=10), st.integers(0, 29))
@settings(max_examples=40, deadline=None)
def test_a_row_changes_sums_by_no_more_than_the_bound(
    plans, plans_of_two_outputs, values, place
):
    scale = np.array(BOUNDS[1])
    for all_plans, labels in [
        (plans, np.arange(30) % 2),
        (plans_of_two_outputs, np.arange(60).reshape(30, 2) % [2, 3]),
    ]:
        X = np.random.default_rng(0).normal(size=(30, 5)) * scale / 4
        X[place], neighbour = np.array(values[:5]) * scale, X.copy()
        neighbour[place] = np.array(values[5:]) * scale
        for plan in all_plans:
            bounds = _ROUNDS[plan.round][0].sensitivities(plan)
            one, other = (plain_sums(plan, rows, labels) for rows in (X, neighbour))
            assert bounds.keys() <= one.keys()
            for name, value in one.items():
                change = (value - other[name]).astype(float)
                if name in bounds:
                    assert np.sum((change / bounds[name]) ** 2) <= 1 + 1e-12, name
                else:
                    assert not change.any(), name


def test_bounds_are_reached(plans):
    """By opposite rows at least half; otherwise there would be too much noise."""
    plan = plans[2]
    X, y = np.zeros((30, 5)), np.arange(30) % 2
    other = X.copy()
    X[0], other[0] = BOUNDS
    bounds = _ROUNDS["moments"][0].sensitivities(plan)
    change = plain_sums(plan, X, y)["sums"] - plain_sums(plan, other, y)["sums"]
    assert np.linalg.norm(change) > 0.99 * bounds["sums"]
    X[0], other[0] = [9, 0, 0, 0, 0], [0, 90, 0, 0, 0]
    change = plain_sums(plan, X, y)["gram"] - plain_sums(plan, other, y)["gram"]
    assert np.linalg.norm(change / bounds["gram"]) > 0.7


def test_bounds_count_steps_too():
    X, y = curved()
    settings = {**NOISE, "bounds": ([-4.0, -40.0], [4.0, 40.0])}
    plan = rounds_of(SummaryPlan(2, [0, 1], **settings), X[:, :2], y)[5]
    assert plan.round == "features, sharper metric"
    assert len(plan.known["map"]["features"]["steps"]["columns"]) == 12
    bounds = _ROUNDS[plan.round][0].sensitivities(plan)
    X, y = np.zeros((30, 2)), np.arange(30) % 2
    other = X.copy()
    X[0], other[0] = [4, -40], [-4, -40]
    one, another = (plain_sums(plan, rows, y) for rows in (X, other))
    for name, bound in bounds.items():
        change = np.linalg.norm((one[name] - another[name]) / bound)
        assert 0.5 < change <= 1 + 1e-12


def test_all_rounds_together_cost_what_the_ledger_says(plans):
    ledger = plans[0].privacy
    assert (ledger.epsilon, ledger.delta) == (50.0, 1e-5)
    mu = np.sqrt(2 * ledger.rho)
    assert gaussian_delta(50.0, mu) == pytest.approx(1e-5, rel=1e-3)
    squares = 0.0
    for plan in plans:
        bounds = _ROUNDS[plan.round][0].sensitivities(plan)
        for name, deviation in plan.deviations().items():
            ratio = bounds[name] / deviation
            np.testing.assert_allclose(ratio, np.max(ratio))
            squares += np.max(ratio) ** 2
    assert squares == pytest.approx(mu**2)
    assert sum(one.rho for one in ledger.mechanisms) == pytest.approx(ledger.rho)
    assert "sharper metric" in str(ledger) and "same class" in str(ledger)


def test_noise_has_the_stated_spread(plans):
    X, y = curved()
    for plan in plans:
        plain, noisy = plain_sums(plan, X, y), plan.summarize(X, y, OTHER)._arrays
        assert noisy["rows"][0] == len(X)
        deviations, found = plan.deviations(), []
        for name, value in plain.items():
            if name in deviations:
                found.append(((noisy[name] - value) / deviations[name]).ravel())
            else:
                assert (noisy[name] == value).all()
        if found:
            found = np.concatenate(found)
            assert abs(found.mean()) < 5 / np.sqrt(len(found))
            assert abs(found.var() - 1) < 5 * np.sqrt(2 / len(found))


def test_the_noise_of_a_plan_is_known_before_any_row_is_seen(plans):
    # No sum of the first round has noise; the number of owners is not known yet.
    assert plans[0].round == "ranges" and plans[0].noise_of("classes") == 0.0
    assert plans[1].noise_of("squares") > 0.0
    # The mechanism's root is found once for all plans of a budget.
    assert plans[0].privacy is plans[-1].privacy


def test_owners_share_the_noise_behind_masks(plans):
    X, y = curved()
    sharing = SummaryPlan(5, [0, 1], masked=True, n_sharing=3, **NOISE)
    owners = shares(X, y)
    keys = {name: MaskingKey.generate() for name in ("A", "B", "C")}
    roster = {name: key.public for name, key in keys.items()}
    for _ in range(2):
        sent = [
            sharing.summarize(*rows, OTHER).masked(name, keys[name], roster)
            for rows, name in zip(owners, keys, strict=True)
        ]
        last, sharing = sharing, sharing.advance(sent)
    assert last.round == "scales" and sharing.n_sharing == 3
    own, whole = last.deviations(), plans[1].deviations()
    assert own["sums"] == pytest.approx(whole["sums"] / np.sqrt(3))
    assert last.noise_of("sums") == pytest.approx(whole["sums"])
    assert "shared by 3 owners" in str(last.privacy)
    few = {name: roster[name] for name in "AB"}
    with pytest.raises(ValueError, match="at least n_sharing=3 owners"):
        sharing.summarize(*owners[0], OTHER).masked("A", keys["A"], few)


def test_who_is_asked_again_tells_nothing_more(plans):
    X, y = curved()
    plan = plans[1]
    first, again = (plan.summarize(X, y, OTHER) for _ in range(2))
    assert first == again
    changed = X.copy()
    changed[0] = 0
    other = plan.summarize(changed, y, OTHER)._arrays["sums"]
    plain = [plain_sums(plan, rows, y)["sums"] for rows in (X, changed)]
    assert (first._arrays["sums"] - plain[0] != other - plain[1]).all()
    assert plan.summarize(X, y, KEY) != first


@pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.LossOfAccuracyWarning")
def test_an_encryptor_of_noisy_sums():
    X, y = curved(3000)
    plan = SummaryPlan(5, [0, 1], n_cells=4, **(NOISE | {"epsilon": 1e4}))
    plan = rounds_of(plan, X, y)[-1]
    encryptor = HomeomorphicEncryptor.from_summaries(
        plan.summarize(X, y, KEY), key=KEY, min_cell_size=50
    )
    cells = np.unique(encryptor.preserve(X), axis=0, return_inverse=True)[1].ravel()
    share = np.bincount(cells, y) / np.bincount(cells)
    assert ((share[cells] > 0.5) == y).mean() > 0.85
    assert np.bincount(cells).min() >= 50
    # Nothing is clipped but in the sums.
    X[0] = 2 * np.array(BOUNDS[1])
    back = encryptor.inverse_transform(encryptor.transform(X[:1]))
    np.testing.assert_allclose(back, X[:1], rtol=1e-4)


def test_moments_become_possible():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(3, 40, 6)), rng.normal(size=(3, 40, 2))
    ones = np.ones((3, 40, 1))
    Z = np.concatenate([X, Y, ones], axis=2)
    Z = Z.transpose(0, 2, 1) @ Z
    noise = rng.normal(size=Z.shape) * 20
    noisy = Z + noise + noise.transpose(0, 2, 1)
    parts = (
        noisy[:, :6, :6],
        noisy[:, :6, 6:8],
        noisy[:, 6:8, 6:8],
        noisy[:, :6, 8],
        noisy[:, 6:8, 8],
        noisy[:, 8, 8],
    )
    assert np.linalg.eigvalsh(noisy).min() < 0
    found = FoldSums(*parts).possible(2.0)
    joint = np.zeros_like(noisy)
    joint[:, :6, :6], joint[:, :6, 6:8] = found.gram, found.cross
    joint[:, 6:8, :6] = found.cross.transpose(0, 2, 1)
    joint[:, 6:8, 6:8] = found.target_gram
    joint[:, :6, 8] = joint[:, 8, :6] = found.sums
    joint[:, 6:8, 8] = joint[:, 8, 6:8] = found.target_sums
    joint[:, 8, 8] = found.counts
    assert np.linalg.eigvalsh(joint).min() > -1e-9
    assert np.linalg.eigvalsh(found.gram).min() >= 2.0 * np.sqrt(6) - 1e-9


@given(st.lists(st.integers(-(2**17), 2**17), min_size=3, max_size=3))
def test_clipped_rows_are_not_too_long(row):
    rows = clipped_norms(np.array([row], float), 1000.0)
    assert (rows == np.rint(rows)).all() and (rows**2).sum() <= 1000.0**2
    if np.linalg.norm(row) <= 1000:
        assert (rows[0] == row).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epsilon": 1.0}, "epsilon needs bounds"),
        ({"epsilon": 0.0, "bounds": (0, 1)}, "epsilon must be > 0"),
        ({"epsilon": "1", "bounds": (0, 1)}, "epsilon must be > 0"),
        ({"epsilon": 1.0, "bounds": (0, 1), "delta": 1.0}, "delta must be > 0"),
        ({"epsilon": 1.0, "bounds": (1, 0)}, "low < high"),
        ({"epsilon": 1.0, "bounds": ([0, 0], [1, 1])}, "of 5 numbers"),
        ({"epsilon": 1.0, "bounds": (0, 1), "n_sharing": 2}, "needs masked=True"),
        ({"bounds": (0, 1)}, "set epsilon as well"),
        ({"n_sharing": 0}, "n_sharing must be an integer >= 1"),
    ],
)
def test_what_contradicts_itself_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SummaryPlan(5, [0, 1], **settings)


def test_what_noise_needs(plans):
    X, y = curved()
    with pytest.raises(ValueError, match="epsilon needs classes"):
        SummaryPlan(5, None, epsilon=1.0, bounds=(0, 1))
    with pytest.raises(ValueError, match="summarize needs key"):
        plans[0].summarize(X, y)
    tiny = SummaryPlan(5, [0, 1], **(NOISE | {"epsilon": 1e-9, "delta": 1e-12}))
    tiny = tiny.advance(tiny.summarize(X, y, KEY))
    with pytest.raises(ValueError, match="Take a greater epsilon"):
        while True:
            tiny = tiny.advance(tiny.summarize(X, y, KEY))
    loaded = SummaryPlan.from_bytes(plans[3].to_bytes())
    assert loaded == plans[3] and loaded.privacy == plans[3].privacy
