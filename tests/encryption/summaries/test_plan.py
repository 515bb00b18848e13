import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from owners import curved
from sklearn_homeo import Summary, SummaryPlan
from sklearn_homeo.encryption.summaries import scales


def test_every_round_adds_up_in_any_order(rounds):
    for _, (a, b, c) in rounds:
        assert (a + b) + c == c + (b + a) == sum([b, c, a])
        assert (a + b + c).n_owners == 3


@given(st.permutations(range(12)), st.integers(1, 11))
@settings(max_examples=20, deadline=None)
def test_parts_of_rows_give_the_sums_of_all(order, cut):
    X = np.array([[1e-9 * 3**i, 1e6 + i] for i in range(12)])
    y = np.array([0, 1] * 6)
    plan = SummaryPlan(2, [0, 1], min_group_size=1)
    for _ in range(2):
        whole = plan.summarize(X, y)
        first, second = order[:cut], order[cut:]
        parts = [plan.summarize(X[rows], y[rows]) for rows in (first, second)]
        assert plan.totals(parts).keys() == plan.totals(whole).keys()
        for name, value in plan.totals(whole).items():
            expected = 2 if name == "owners" else value
            assert (plan.totals(parts)[name] == expected).all()
        plan = plan.advance(whole)


def test_one_fold_less_or_more_of_rows(rounds):
    X, y = curved()
    plan, summaries = rounds[2]
    assert plan.round == "moments"
    whole, parts = plan.totals(plan.summarize(X, y)), plan.totals(summaries)
    # Owners deal their own rows into folds.
    assert (whole["gram"].sum(axis=0) == parts["gram"].sum(axis=0)).all()
    assert (whole["of classes"] == parts["of classes"]).all()


def test_means_and_scales_are_those_of_all_rows(rounds):
    X, _ = curved()
    known = rounds[2][0].known
    np.testing.assert_allclose(known["mean"], X.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(known["scale"], X.std(axis=0), rtol=1e-7)
    assert known["n_rows"] == 240
    assert list(known["whole"]) == [4]


def test_scales_beside_large_means_and_of_constant_columns():
    X = np.column_stack([1e9 + np.arange(40.0), np.full(40, -0.25), np.zeros(40)])
    y = np.arange(40) % 2
    plan = SummaryPlan(3, [0, 1])
    plan = plan.advance(plan.summarize(X, y))
    known = scales.learn(plan, plan.totals(plan.summarize(X, y)))
    np.testing.assert_allclose(known["scale"], [X[:, 0].std(), 0.25, 1.0], rtol=1e-3)
    np.testing.assert_allclose(known["mean"], [1e9 + 19.5, -0.25, 0.0])


def test_plans_and_summaries_survive_files(rounds, tmp_path):
    for plan, summaries in rounds:
        plan.save(tmp_path / "plan")
        loaded = SummaryPlan.load(tmp_path / "plan")
        assert loaded == plan
        assert repr(loaded) == repr(plan)
        summaries[0].save(tmp_path / "summary")
        assert Summary.load(tmp_path / "summary", loaded) == summaries[0]


def test_damaged_plans_and_summaries_are_refused(rounds):
    plan, (summary, *_) = rounds[-1]
    for data, read in (
        (plan.to_bytes(), SummaryPlan.from_bytes),
        (summary.to_bytes(), lambda damaged: Summary.from_bytes(damaged, plan)),
    ):
        for i in range(0, len(data), len(data) // 50):
            damaged = data[:i] + bytes([data[i] ^ 4]) + data[i + 1 :]
            with pytest.raises(ValueError, match="damaged"):
                read(damaged)


def test_summaries_of_other_rounds_do_not_mix(rounds):
    (plan, (first, *_)), (later, (second, *_)) = rounds[:2]
    with pytest.raises(ValueError, match="different plans or rounds"):
        first + second
    with pytest.raises(ValueError, match="another plan"):
        later.advance([first])
    with pytest.raises(ValueError, match="answers the plan"):
        Summary.from_bytes(first.to_bytes(), later)
    with pytest.raises(ValueError, match="no plan"):
        SummaryPlan.from_bytes(first.to_bytes())
    with pytest.raises(ValueError, match="no summary"):
        Summary.from_bytes(plan.to_bytes(), plan)
    with pytest.raises(TypeError, match="at least one"):
        plan.advance([])
    with pytest.raises(ValueError, match="last round"):
        rounds[-1][0].advance(rounds[-1][1])


def test_small_groups_are_not_summed_up():
    X, y = curved(40)
    y = np.array([0] * 31 + [1] * 9)
    plan = SummaryPlan(5, [0, 1, 2])
    with pytest.raises(ValueError, match="1 of 3 classes have fewer rows"):
        plan.summarize(X, y)
    # Of a class without rows nothing is told, but someone must have some.
    with pytest.raises(ValueError, match="2 of 3 classes have fewer than"):
        plan.advance(plan.summarize(X, np.zeros(40, dtype=int)))
    with pytest.raises(ValueError, match="1 of 1"):
        SummaryPlan(5, None).summarize(X[:9], np.arange(9.0))


def test_settings_decide_the_random_features():
    X, y = curved()
    maps = []
    for n_features in (24, 24, 48):
        plan = SummaryPlan(5, [0, 1], n_random_features=n_features)
        while plan.round != "features":
            plan = plan.advance(plan.summarize(X, y))
        maps.append(plan.known["map"]["features"]["waves"]["weights"])
    assert (maps[0] == maps[1]).all()
    assert maps[2].shape[1] == 16


def test_columns_by_name():
    X, y = curved()
    frame = pd.DataFrame(X, columns=list("abcde"))
    plan = SummaryPlan(list("abcde"), [0, 1])
    assert plan.summarize(frame, y) == plan.summarize(X, y)
    with pytest.raises(ValueError, match=r"X\[plan.columns\]"):
        plan.summarize(frame[list("bacde")], y)
    with pytest.raises(ValueError, match="column 1 \\('b'\\)"):
        plan.summarize(frame.assign(b=np.nan), y)
    with pytest.raises(ValueError, match="2\\*\\*64 or more in column 2 \\('c'\\)"):
        plan.summarize(frame.assign(c=1e20), y)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ones((20, 4)), np.zeros(20), "has 4 features"),
        (np.ones((20, 5)), np.zeros(19), "shape"),
        (np.ones((20, 5)), np.arange(20), "18 labels in y are none"),
        (np.ones((20, 5)), [None] * 20, "missing"),
        (np.ones((20, 5)), np.zeros((20, 2)), "shape"),
    ],
)
def test_what_does_not_fit_is_named(X, y, message):
    with pytest.raises(ValueError, match=message):
        SummaryPlan(5, [0, 1]).summarize(X, y)


def test_a_row_far_outside_is_named():
    X, y = curved(60)
    plan = SummaryPlan(5, [0, 1])
    for _ in range(2):
        plan = plan.advance(plan.summarize(X, y))
    X[7, 3] = 1e9
    with pytest.raises(ValueError, match="Row 7 of X lies more than 8192 .* column 3"):
        plan.summarize(X, y)


@pytest.mark.parametrize(
    "settings",
    [
        {"columns": 0},
        {"n_cells": 0},
        {"min_group_size": 0},
        {"n_random_features": 1.5},
        {"classes": [1]},
        {"classes": [1, 1]},
    ],
)
def test_bad_settings_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        SummaryPlan(**{"columns": 5, "classes": [0, 1], **settings})


def test_nothing_of_a_row_is_shown(rounds):
    plan, summaries = rounds[0]
    assert (
        repr(summaries[0]) == f"Summary('ranges', 1 owner, {summaries[0].nbytes} bytes)"
    )
    assert "5 columns" in repr(plan)
