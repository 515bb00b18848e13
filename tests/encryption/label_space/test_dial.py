from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import (
    load_breast_cancer,
    load_iris,
    load_wine,
    make_classification,
)
from sklearn.metrics import balanced_accuracy_score, r2_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

from sklearn_homeo.encryption._state import canonical_bytes
from sklearn_homeo.encryption.label_space import dial, proof
from sklearn_homeo.encryption.label_space.bench import (
    BOOSTED,
    CROSS_FITTED,
    JOINT,
    LINEAR,
    NETWORK,
    SHARP,
    SOFT,
    Attempt,
    Bench,
    _families,
)
from sklearn_homeo.encryption.label_space.cells import cut_cells
from sklearn_homeo.encryption.label_space.dial import choose_cells
from sklearn_homeo.encryption.label_space.regions import (
    NARROW_POWER,
    POWERS,
    numbers_of_cells,
)
from sklearn_homeo.encryption.label_space.target import Target
from sklearn_homeo.encryption.label_space.trials import TOLERANCES, CellChoice, Trial
from sklearn_homeo.encryption.label_space.yardsticks import (
    class_measures,
    number_measures,
    one_row,
    softmax,
)


def on_lattice(X):
    return np.rint(StandardScaler().fit_transform(X) * 2**27).astype(np.int64)


def choose(X, y, n_cells="auto", min_cell_size=10, is_numeric=False):
    target = Target.from_labels(y, is_numeric)
    return choose_cells(on_lattice(X), target, n_cells, min_cell_size)


def test_yardsticks_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    shares = softmax(rng.normal(size=(300, 5)), (3, 2))
    outputs = np.column_stack([rng.integers(0, 3, 300), rng.integers(0, 2, 300)])
    found = class_measures(shares, outputs, (3, 2))
    first = roc_auc_score(outputs[:, 0], shares[:, :3], multi_class="ovr")
    second = roc_auc_score(outputs[:, 1], shares[:, 4])
    assert found["ROC AUC"] == pytest.approx((first + second) / 2)
    accuracies = [
        balanced_accuracy_score(outputs[:, 0], shares[:, :3].argmax(axis=1)),
        balanced_accuracy_score(outputs[:, 1], shares[:, 3:].argmax(axis=1)),
    ]
    assert found["balanced accuracy"] == pytest.approx(np.mean(accuracies))
    numbers, noisy = rng.normal(size=(2, 50, 2))
    expected = r2_score(numbers, noisy)
    assert number_measures(noisy, numbers)["R2"] == pytest.approx(expected)


def test_a_rare_class_counts_although_it_is_never_the_likeliest():
    labels = np.repeat([0, 1], [980, 20])[:, None]
    shares = np.where(labels == 1, 0.2, 0.01) * [[-1.0, 1.0]] + [[1.0, 0.0]]
    # Whether classes count alike or rows do, half each.
    found = class_measures(shares, labels, (2,))
    assert found["balanced accuracy"] == 0.5 * 1.0 + 0.5 * 0.5
    # Not rare: what is likeliest is what counts.
    few = np.r_[0:40, 980:1000]
    found = class_measures(shares[few], labels[few], (2,))
    assert found["balanced accuracy"] == 0.5


def test_noise_of_few_folds_alone_is_no_reason_to_leak_scores():
    best = {"ROC AUC": np.array([0.90, 0.90, 0.90])}
    for kept, is_nearly_enough in [
        # .04 on average, with a standard error of .03: as little as .01.
        ([0.90, 0.80, 0.88], True),
        ([0.87, 0.87, 0.87], False),
        ([0.885, 0.885, 0.885], True),
    ]:
        trial = Trial.from_folds("linear", 8, {"ROC AUC": np.array(kept)}, best)
        assert trial.excess > 1
        choice = CellChoice(None, trial, [], is_enough=False)
        assert choice.is_nearly_enough == is_nearly_enough
    loss = 0.9 - np.array([0.90, 0.80, 0.88])
    trial = Trial.from_folds("linear", 8, {"ROC AUC": 0.9 - loss}, best)
    error = loss.std(ddof=1) / np.sqrt(3)
    assert trial.losses["ROC AUC"] == pytest.approx(loss.mean() + error)
    assert trial.sure_losses["ROC AUC"] == pytest.approx(loss.mean() - error)
    # Folds that agree by chance make nothing surer than one row of the smallest class.
    trial = Trial.from_folds(
        "linear", 8, {"ROC AUC": best["ROC AUC"] - 0.04}, best, 0.03
    )
    assert trial.losses["ROC AUC"] == pytest.approx(0.04)
    assert trial.sure_losses["ROC AUC"] == pytest.approx(0.01)


def test_one_row_of_the_smallest_class():
    labels = np.repeat([0, 2, 3], [80, 15, 5])[:, None]
    right = np.eye(4)[labels[:, 0]]
    wrong = right.copy()
    wrong[-1] = np.eye(4)[0]
    sizes = (4,)
    expected = [class_measures(one, labels, sizes) for one in (right, wrong)]
    lost = expected[0]["balanced accuracy"] - expected[1]["balanced accuracy"]
    # The class is rare: its rows count as much with weights as without.
    assert one_row(labels, sizes) == pytest.approx(lost)
    both = np.hstack([labels, np.zeros_like(labels)])
    assert one_row(both, (4, 1)) == pytest.approx(lost / 2)
    assert one_row(labels.astype(float), None) == 0.0


def test_easy_classes_take_few_cells():
    X, y = load_wine(return_X_y=True)
    choice = choose(X, y)
    assert choice.is_enough
    assert choice.trial.excess <= 1
    assert 3 <= choice.cells.n_cells <= 8
    assert set(choice.trial.losses) == {"balanced accuracy", "ROC AUC"}
    assert np.bincount(choice.cells.index(on_lattice(X))).min() >= 10


def test_accuracy_alone_never_decides():
    X, y = make_classification(
        3000, 20, n_informative=6, weights=[0.98], flip_y=0.005, class_sep=0.8,
        random_state=0,
    )  # fmt: skip
    choice = choose(X, y)
    two = [one for one in choice.others if one.n_cells == 2]
    assert choice.cells.n_cells > 2
    # Two cells of the predicted class keep accuracy, but nothing of the order, nor what
    # models with balanced weights tell of the rare class.
    kept = choice.trial.scores["ROC AUC"]
    assert all(one.scores["ROC AUC"] < kept - 0.05 for one in two)
    assert all(one.losses["balanced accuracy"] >= 0.01 for one in two)


def test_labels_of_chance_leak_as_little_as_there_is():
    rng = np.random.default_rng(0)
    choice = choose(rng.normal(size=(400, 6)), rng.integers(0, 2, 400))
    assert choice.is_enough
    assert choice.cells.n_cells <= 2


def test_interactions_cost_no_more_cells():
    X = np.random.default_rng(2).normal(size=(900, 6))
    choice = choose(X, (X[:, 0] * X[:, 1] > 0).astype(int))
    assert choice.is_enough
    assert choice.trial.scores["balanced accuracy"] > 0.9
    assert choice.cells.n_cells <= 16
    assert choice.trial.name != "linear"


def test_no_sharp_metric_is_learnt_for_linear_labels():
    rng = np.random.default_rng(8)
    X = rng.normal(size=(900, 3))
    straight = (X[:, 0] + X[:, 1] + 0.3 * rng.normal(size=900) > 0).astype(int)
    models = [one.name for one in choose(X, straight).others if one.n_cells is None]
    assert SOFT in models
    assert SHARP not in models
    assert CROSS_FITTED not in models


def test_training_rows_fall_into_cells_of_many_clusters_as_others_do():
    X, y = make_classification(
        2500, 12, n_informative=12, n_redundant=0, n_classes=4,
        n_clusters_per_class=6, class_sep=1.5, random_state=0,
    )  # fmt: skip
    u, n = on_lattice(X), 1500
    choice = choose_cells(u[:n], Target.from_labels(y[:n], False), "auto", 10)
    assert choice.is_enough
    assert choice.trial.name == CROSS_FITTED
    index = choice.cells.index(u)
    known = np.zeros((choice.cells.n_cells, 4))
    np.add.at(known, (index[:n], y[:n]), 1)
    right = known.argmax(axis=1)[index] == y
    assert right[n:].mean() > 0.8
    assert abs(right[:n].mean() - right[n:].mean()) < 0.03


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_numbers(n_outputs):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(600, 5))
    y = X @ rng.normal(size=(5, n_outputs)) + 0.3 * rng.normal(size=(600, n_outputs))
    choice = choose(X, y, is_numeric=True)
    assert 8 <= choice.cells.n_cells <= 64
    assert choice.trial.losses["R2"] <= (TOLERANCES["R2"] if n_outputs == 1 else 0.2)


def test_several_outputs_of_classes():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(600, 5))
    y = (X[:, :2] + 0.3 * rng.normal(size=(600, 2)) > 0).astype(int)
    choice = choose(X, y)
    assert choice.trial.scores["balanced accuracy"] > 0.8
    assert choice.cells.n_cells >= 4


def test_a_number_of_cells_and_their_size_can_be_set():
    X, y = load_wine(return_X_y=True)
    choice = choose(X, y, n_cells=9, min_cell_size=15)
    assert choice.cells.n_cells <= 9
    assert np.bincount(choice.cells.index(on_lattice(X))).min() >= 15
    assert choose(X, y, n_cells=1).cells.n_cells <= 3


@pytest.mark.parametrize("n_rows", [4, 7, 12])
def test_few_rows(n_rows):
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(n_rows, 3)), np.arange(n_rows) % 2
    assert choose(X, y).cells.n_cells >= 1
    assert choose(X, rng.normal(size=n_rows), is_numeric=True).cells.n_cells >= 1


def test_rare_classes_do_no_harm():
    rng = np.random.default_rng(6)
    X, y = rng.normal(size=(90, 4)), np.arange(90) % 3
    y[0], y[1] = 3, 4
    assert choose(X, y).cells.n_cells >= 1


def test_the_same_data_give_the_same_cells():
    X, y = load_wine(return_X_y=True)
    first, second = choose(X, y), choose(X, y)
    assert canonical_bytes(first.cells.state()) == canonical_bytes(second.cells.state())


def test_cells_of_many_rows_are_proved_on_fresh_ones(monkeypatch):
    monkeypatch.setattr(proof, "FEWEST_PROVED_ROWS", 1000)
    monkeypatch.setattr(dial, "TRIAL_ROWS", 420)
    rng = np.random.default_rng(7)
    X = rng.normal(size=(1200, 5))
    y = (X[:, 0] + X[:, 1] + 0.5 * rng.normal(size=1200) > 0).astype(int)
    choice = choose(X, y)
    best = {
        name: max(one.scores[name] for one in choice.others if one.n_cells is None)
        for name in TOLERANCES
        if name != "R2"
    }
    for name, loss in choice.trial.losses.items():
        # No standard error: these are the losses on the fresh rows.
        assert loss == pytest.approx(best[name] - choice.trial.scores[name])
    assert choice.is_enough == (choice.trial.excess <= 1)
    assert {"boosted trees", "forest"} <= {one.name for one in choice.others}


def test_no_cells_pass_that_fail_on_fresh_rows(monkeypatch):
    monkeypatch.setattr(proof, "FEWEST_PROVED_ROWS", 1000)
    # So few rows show nothing of it but its linear part.
    monkeypatch.setattr(dial, "TRIAL_ROWS", 60)
    rng = np.random.default_rng(8)
    X = rng.normal(size=(3000, 5))
    y = (X[:, 0] * X[:, 1] + 0.3 * X[:, 2] > 0).astype(int)
    choice = choose(X, y)
    plain = max(one.scores["ROC AUC"] for one in choice.others if one.n_cells is None)
    assert plain > 0.9
    assert not choice.is_enough or choice.trial.scores["ROC AUC"] > plain - 0.01


@pytest.mark.parametrize("min_cell_size", [2, 40, 400])
def test_small_cells_of_many_rows_are_counted_in_all_rows(monkeypatch, min_cell_size):
    monkeypatch.setattr(proof, "FEWEST_PROVED_ROWS", 1000)
    monkeypatch.setattr(proof, "FITTED_ROWS", 500)
    monkeypatch.setattr(proof, "COUNTED_ROWS", 300)
    X = np.random.default_rng(9).normal(size=(3000, 3))
    u, target = on_lattice(X), Target.from_labels(X[:, 0] > 0, False)
    rows = proof.sample_rows(target, 420)
    bench = Bench(u[rows], target.outputs[rows], (2,), 1, is_part=True)
    final = proof.Final(bench, u, target, rows, min_cell_size)
    scorer, held_out = final._scorer("linear"), final._held_out("linear")
    cells = cut_cells(scorer, held_out, bench.outputs, (2,), 16, 1)
    everywhere = np.bincount(cells.index(u), minlength=cells.n_cells)
    counts = final._counts(cells, "linear")
    if everywhere.min() < min_cell_size:
        assert (counts == everywhere).all()
    else:
        assert counts.min() >= min_cell_size
        assert (counts <= everywhere).all()
    attempt = Attempt(None, "linear", 16, POWERS[0])
    assert np.bincount(final._cells(attempt).index(u)).min() >= min_cell_size


def test_trees_far_behind_are_kept_only_where_more_rows_will_help_them():
    X = np.random.default_rng(0).normal(size=(700, 40))
    u, outputs = on_lattice(X), (X.sum(axis=1) > 0).astype(int)[:, None]
    bench = Bench(u, outputs, (2,), 10, is_part=False)
    assert BOOSTED not in bench.scores
    # Two classes have two cells, whatever the power.
    first, second = [rung for rung, _ in zip(bench.rungs("auto"), "12", strict=False)]
    assert {one.power for one in first} == {POWERS[0]}
    assert {one.power for one in second} == set(POWERS)
    bench.kept = {BOOSTED}
    bench._measured[BOOSTED] = [dict.fromkeys(bench.best, 0.5)] * 2
    bench._drop_the_hopeless(np.arange(700))
    assert BOOSTED in bench._measured
    # Where nobody sees anything, slow families are not tried again.
    nothing = [dict.fromkeys(bench.best, 0.51)] * 2
    bench.kept, bench._measured = set(), {BOOSTED: nothing, "linear": nothing}
    bench._drop_the_hopeless(np.arange(700))
    assert bench._measured.keys() == {"linear"}


def test_numbers_of_cells_grow_by_half_octaves():
    assert numbers_of_cells(2) == [2, 3, 4, 6, 8, 11, 16, 23, 32]
    assert numbers_of_cells(3) == [3, 4, 6, 8, 12, 17, 24, 34, 48]
    assert numbers_of_cells(1) == [1, 2, 3, 4, 6, 8, 11, 16]
    assert numbers_of_cells(None) == [8, 11, 16, 23, 32, 45, 64]


@pytest.mark.parametrize(
    ("excesses", "tried"),
    [
        ([2.0] * 9, [2, 3, 4, 6, 8, 11, 16, 23, 32]),
        # Far from enough, a whole octave is next; the last one is not left out.
        ([9.0] * 5, [2, 4, 8, 16, 32]),
        ([9.0, 2.0, 9.0, 9.0, 9.0, 9.0], [2, 4, 6, 11, 23, 32]),
    ],
)
def test_numbers_of_cells_are_left_out_far_from_enough(monkeypatch, excesses, tried):
    X = np.random.default_rng(0).normal(size=(100, 3))
    outputs = (X[:, :1] > 0).astype(int)
    bench = Bench(on_lattice(X), outputs, (2,), 10, is_part=False)
    left, asked = list(excesses), []

    def attempt(family, n_wanted, power):
        asked.append(n_wanted)
        losses = {"R2": TOLERANCES["R2"] * left[0]}
        trial = Trial(family, n_wanted, {}, losses, losses, losses)
        return Attempt(trial, family, n_wanted, 1)

    monkeypatch.setattr(bench, "_attempt", attempt)
    for _ in bench._rungs_of(["linear"], "auto"):
        left.pop(0)
    assert list(dict.fromkeys(asked)) == tried


def of_iris(n_wanted=4):
    """What proves cells of iris, and an attempt with its cells and their proof."""
    X, y = load_iris(return_X_y=True)
    u, target = on_lattice(X), Target.from_labels(y, False)
    bench = Bench(u, target.outputs, (3,), 10, is_part=False)
    final = proof.Final(bench, u, target, np.arange(len(u)), 10)
    attempt = bench._attempt(JOINT, n_wanted, POWERS[0])
    return final, (attempt, *final.proved(attempt))


def test_few_rows_lie_between_classes_where_that_is_enough():
    final, wide = of_iris()
    narrow = final.narrowed(*wide)
    rows = [np.bincount(cells.index(final.u)) for _, cells, _ in (wide, narrow)]
    assert [len(counts) for counts in rows] == [4, 4]
    assert 10 <= rows[1].min() < rows[0].min()
    # On average no more is lost than may be, with a standard error perhaps more.
    attempt, cells, trial = narrow
    assert trial is attempt.trial and trial.mean_excess <= 1.0
    assert attempt.power == cells.regions.power == NARROW_POWER
    X, y = load_iris(return_X_y=True)
    assert choose(X, y).trial.losses == trial.losses
    # Who asks for a number of cells gets those that lose least.
    assert choose(X, y, n_cells=4).trial.excess < trial.excess


@pytest.mark.parametrize("reason", ["loss", "merged", "bits", "no border"])
def test_narrow_cells_are_not_taken(monkeypatch, reason):
    final, wide = of_iris(n_wanted=3 if reason == "no border" else 4)
    narrow = final.bench.narrowed(wide[0])
    if reason == "loss":
        too_much = dict.fromkeys(narrow.trial.mean_losses, 0.011)
        narrow = replace(narrow, trial=replace(narrow.trial, mean_losses=too_much))
        monkeypatch.setattr(final.bench, "narrowed", lambda _: narrow)
    if reason == "merged":
        final.min_cell_size = 14
    if reason == "bits":
        monkeypatch.setattr(final.bench, "narrowed", lambda attempt: attempt)
    assert all(
        one is other for one, other in zip(final.narrowed(*wide), wide, strict=True)
    )


def test_cells_of_numbers_lie_between_no_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    u, target = on_lattice(X), Target.from_labels(X[:, 0], True)
    bench = Bench(u, target.outputs, None, 10, is_part=False)
    assert bench.has_no_border(16)


def test_of_few_rows_linear_cells_come_first_unless_others_are_surely_better():
    X, y = load_breast_cancer(return_X_y=True)
    bench = Bench(on_lattice(X), y[:, None], (2,), 10, is_part=False)
    first, second = bench._stages()
    assert set(first) <= LINEAR and LINEAR.isdisjoint(second) and SOFT in second
    bench.is_part = True
    assert bench._stages() == [first + second]
    bench.is_part = False
    luck = np.linspace(-0.03, 0.05, len(bench.folds))
    for sure, is_surely_better in [(0.0, False), (0.05, True)]:
        bench._measured[SOFT] = [
            {m: score + sure + more for m, score in fold.items()}
            for fold, more in zip(bench._measured["linear"], luck, strict=True)
        ]
        bench._measured["linear, shrunk"] = bench._measured["linear"]
        assert bench._beats_linear(SOFT) == is_surely_better
        assert (len(bench._stages()) == 1) == is_surely_better


def test_networks_learn_only_where_rows_are_many_and_labels_curved():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(960, 2))
    u = on_lattice(X)
    straight = (X[:, 0] + 0.5 * rng.normal(size=960) > 0).astype(int)[:, None]
    assert NETWORK in _families(u, straight, (2,), is_part=True)
    assert NETWORK not in _families(u, straight, (2,), is_part=False)
    assert NETWORK not in Bench(u, straight, (2,), 10, is_part=True).scores
