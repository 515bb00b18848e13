"""The dial: how few cells are enough, and of which family.

Accuracy and the order of scores both decide. With few positives, cells of the predicted
class keep accuracy and ruin ROC AUC.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.model_selection import (
    RepeatedKFold,
    RepeatedStratifiedKFold,
    train_test_split,
)
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from sklearn_homeo.encryption.label_space.cells import Cells, cut_cells, merge_small
from sklearn_homeo.encryption.label_space.classifiers import (
    LATTICE_STEP,
    SCORE_STEP,
    class_sizes,
)
from sklearn_homeo.encryption.label_space.kernel_scores import fit_kernel_scores
from sklearn_homeo.encryption.label_space.linear_scores import (
    find_penalties,
    fit_linear_scores,
)
from sklearn_homeo.encryption.label_space.regions import (
    POWERS,
    Regions,
    cell_labels,
    predicted_labels,
)
from sklearn_homeo.encryption.label_space.tree_scores import fit_boosted_scores
from sklearn_homeo.encryption.label_space.yardsticks import (
    chance,
    chance_errors,
    class_measures,
    number_measures,
    softmax,
)

__all__ = ["CellChoice", "Trial", "choose_cells"]

# Rows on which the dial is set: so many, or more where a class would have too few; and
# rows to which the family that won is fitted.
TRIAL_ROWS, ROWS_OF_RAREST, MOST_TRIAL_ROWS = 2000, 60, 4000
FITTED_ROWS = 6000
# Folds and repeats. On fewer rows than that, more folds: training rows are scarce.
FOLDS, SMALL_ROWS, SMALL_FOLDS = 3, 700, 5
TOLERANCES = {"balanced accuracy": 0.01, "ROC AUC": 0.01, "R2": 0.02}
FEWEST_NUMBER_CELLS, MOST_NUMBER_CELLS = 8, 64
# Cells for each class; with more, scores are not much worse.
MOST_CELLS_PER_CLASS = 16
MAX_BOOSTED_CLASSES, FEWEST_BOOSTED_ROWS = 4, 400
SHRINKAGE = 0.1
METRICS = {"kernel": 0.0, "kernel, soft metric": 0.5, "kernel, sharp metric": 1.0}
# So near to chance, in standard errors, a model is taken to see nothing.
CHANCE_ERRORS = 3.0


@dataclass(frozen=True)
class Trial:
    """How cells, or a model on all features, did on held-out rows.

    Parameters
    ----------
    name : str
        The family, or the model.
    n_cells : int or None
        How many cells there were; None for all features.
    scores : dict of str to float
        Mean balanced accuracy and ROC AUC, or R2.
    losses : dict of str to float
        What is lost against the best model on all features, one standard error of the
        paired difference included.
    """

    name: str
    n_cells: int | None
    scores: dict
    losses: dict

    @property
    def excess(self):
        """The largest loss, in tolerances: up to 1 is enough."""
        return max(loss / TOLERANCES[name] for name, loss in self.losses.items())


@dataclass(frozen=True)
class CellChoice:
    """Cells, and how they and others did.

    Parameters
    ----------
    cells : Cells
    trial : Trial
        Of these cells.
    others : list of Trial
        Other cells, and models on all features.
    is_enough : bool
        Whether the label is kept within the tolerances.
    """

    cells: Cells
    trial: Trial
    others: list
    is_enough: bool

    def __str__(self):
        kept = ", ".join(
            f"{name} {score:.3f} (best model {best:.3f})"
            for (name, score), best in zip(
                self.trial.scores.items(), self._best(), strict=True
            )
        )
        n_cells = self.cells.n_cells
        return (
            f"{n_cells} cells, {np.log2(n_cells):.2f} bits a row, {self.trial.name}: "
            f"{kept}{'' if self.is_enough else '; not enough'}"
        )

    def _best(self):
        """The best of each measure on all features."""
        models = [one.scores for one in self.others if one.n_cells is None]
        return [max(scores[name] for scores in models) for name in self.trial.scores]


def choose_cells(u, target, n_cells, min_cell_size):
    """Find the fewest cells that keep the label, of the family that keeps most.

    Families: levels of the class probabilities, or of the predicted numbers, of linear
    models, of kernel machines with a learnt metric, and of boosted trees. By repeated
    cross-validation, cells are enough if they lose no more than 0.01 of balanced
    accuracy and of ROC AUC (0.02 of R2), one standard error included, against
    the best of all models on all features. In every fold training rows go through the
    cells that were fitted to them, as they will.

    Parameters
    ----------
    u : ndarray of shape (n_samples, n_features), dtype int64
        Rows on the lattice.
    target : Target
    n_cells : "auto" or int
        An integer takes that many, or fewer where rows are few.
    min_cell_size : int
        Training rows of a cell, at least.

    Returns
    -------
    choice : CellChoice
    """
    rows = _trial_rows(target)
    part = max(-(-min_cell_size * len(rows) // len(u)), 1)
    bench = _Bench(u[rows], target.outputs[rows], class_sizes(target), part)
    attempts = bench.attempts(n_cells)
    enough = [one for one in attempts if one.trial.excess <= 1.0]
    if n_cells == "auto" and bench.sees_nothing():
        best = min(attempts, key=lambda one: one.trial.n_cells)
    elif n_cells == "auto" and enough:
        best = min(enough, key=lambda one: (one.trial.n_cells, one.trial.excess))
    else:
        best = min(attempts, key=lambda one: one.trial.excess)
    cells = bench.final_cells(best, u, target, min_cell_size)
    others = [one.trial for one in attempts if one is not best] + bench.references
    is_enough = best in enough or bench.sees_nothing()
    return CellChoice(cells, best.trial, others, is_enough)


def _trial_rows(target):
    """All rows, or so many that the rarest class has enough of them."""
    n = len(target.outputs)
    if target.is_numeric:
        return _sample(target, min(n, TRIAL_ROWS))
    rarest = min(np.bincount(labels)[labels].min() for labels in target.outputs.T)
    wanted = max(TRIAL_ROWS, ROWS_OF_RAREST * n // rarest)
    return _sample(target, min(n, wanted, MOST_TRIAL_ROWS))


def _sample(target, n_rows):
    """Indices of so many rows, with the classes of one output in proportion."""
    everything = np.arange(len(target.outputs))
    if n_rows >= len(everything):
        return everything
    labels = target.outputs[:, 0]
    # A stratified split needs two rows of each class and room for each class.
    possible = not target.is_numeric and labels.max() < n_rows
    possible = possible and np.bincount(labels)[labels].min() >= 2
    strata = labels if possible else None
    rows, _ = train_test_split(
        everything, train_size=n_rows, stratify=strata, random_state=0
    )
    return np.sort(rows)


def _families(u, outputs, sizes):
    families = {"linear": fit_linear_scores}
    if sizes is not None:
        penalties = find_penalties(u, outputs, sizes)
        shrunk = [SHRINKAGE * C for C in penalties]
        families["linear"] = partial(fit_linear_scores, penalties=penalties)
        # More alike within and outside the training rows.
        families["linear, shrunk"] = partial(fit_linear_scores, penalties=shrunk)
    for name, sharpness in METRICS.items():
        families[name] = partial(fit_kernel_scores, sharpness=sharpness)
    few = sizes is None or sizes[0] <= MAX_BOOSTED_CLASSES
    if few and outputs.shape[1] == 1 and len(outputs) >= FEWEST_BOOSTED_ROWS:
        families["boosted trees"] = fit_boosted_scores
    return families


@dataclass(frozen=True, eq=False)
class _Attempt:
    trial: Trial
    family: str
    n_wanted: int
    power: float


@dataclass(frozen=True, eq=False)
class _Fold:
    """Scores of one family in one fold, of its training and of its held-out rows."""

    inside: np.ndarray
    outside: np.ndarray


class _Bench:
    """Folds of a sample, with the scores of all families and of models beside them."""

    def __init__(self, u, outputs, sizes, min_rows):
        self.u, self.outputs, self.sizes, self.min_rows = u, outputs, sizes, min_rows
        self.n_splits, self.folds = _folds(outputs, sizes)
        self.families = _families(u, outputs, sizes)
        self.scores = {
            name: [self._fold(fit, *fold) for fold in self.folds]
            for name, fit in self.families.items()
        }
        measured = {name: self._whole(folds) for name, folds in self.scores.items()}
        measured.update(self._neighbours_and_forest())
        self.best = self._best_of(measured)
        self.references = [
            self._trial(name, None, found) for name, found in measured.items()
        ]

    def _fold(self, fit, train, test):
        scorer = fit(self.u[train], self.outputs[train], self.sizes)
        return _Fold(scorer.scores(self.u[train]), scorer.scores(self.u[test]))

    def _measures(self, predicted, test):
        if self.sizes is None:
            return number_measures(predicted, self.outputs[test])
        return class_measures(predicted, self.outputs[test], self.sizes)

    def _whole(self, folds):
        """Measures of a family's scores as they are, in every fold."""
        return [
            self._measures(
                fold.outside * SCORE_STEP
                if self.sizes is None
                else softmax(fold.outside * SCORE_STEP, self.sizes),
                test,
            )
            for fold, (_, test) in zip(folds, self.folds, strict=True)
        ]

    def _neighbours_and_forest(self):
        X = self.u * LATTICE_STEP
        found = {"neighbours": [], "forest": []}
        for train, test in self.folds:
            models = _models(self.sizes, len(train))
            for name, model in models.items():
                predicted = _predicted(
                    model, X[train], self.outputs[train], X[test], self.sizes
                )
                found[name].append(self._measures(predicted, test))
        return found

    def _best_of(self, measured):
        """Measures, fold by fold, of the model that is best on other rows.

        Of several models that do alike, the luckiest would look better than it is: so
        the best one is chosen by the other folds of the same repeat.
        """
        overall = {
            name: np.array(
                [sum(fold[m] / TOLERANCES[m] for m in fold) for fold in found]
            )
            for name, found in measured.items()
        }
        best = []
        for i in range(len(self.folds)):
            repeat = np.arange(len(self.folds)) // self.n_splits == i // self.n_splits
            repeat[i] = False
            name = max(overall, key=lambda name: overall[name][repeat].sum())
            best.append(measured[name][i])
        return {name: np.array([fold[name] for fold in best]) for name in best[0]}

    def sees_nothing(self):
        """Whether no model on all features can be told from chance."""
        errors = chance_errors(self.outputs, self.sizes)
        return all(
            scores.mean() <= chance(name, self.sizes) + CHANCE_ERRORS * errors[name]
            for name, scores in self.best.items()
        )

    def _trial(self, name, n_cells, found):
        scores, losses = {}, {}
        for measure, best in self.best.items():
            values = np.array([fold[measure] for fold in found])
            loss = best - values
            scores[measure] = float(values.mean())
            losses[measure] = float(loss.mean() + _standard_error(loss))
        return Trial(name, n_cells, scores, losses)

    def attempts(self, n_cells):
        """Trials of all families with all numbers of cells, or with the one wanted."""
        found = []
        for name in self.families:
            ladder = self._ladder() if n_cells == "auto" else [n_cells]
            for power in POWERS if self.sizes is not None else POWERS[:1]:
                for n_wanted in ladder:
                    found.append(self._attempt(name, n_wanted, power))
                    if found[-1].trial.n_cells < n_wanted / 2:
                        # Rows are too few for more.
                        break
        return found

    def _ladder(self):
        if self.sizes is None:
            fewest, most = FEWEST_NUMBER_CELLS, MOST_NUMBER_CELLS
        else:
            fewest = len(np.unique(self.outputs, axis=0))
            most = MOST_CELLS_PER_CLASS * fewest
        n_steps = int(np.log2(most / fewest)) + 1
        return [fewest << i for i in range(n_steps)]

    def held_out(self, family):
        """Scores of every row by a scorer that was not fitted to it."""
        scores = np.empty((len(self.u), self.scores[family][0].outside.shape[1]))
        # The first repeat; later ones hold the same rows out once more.
        for (_, test), fold in list(zip(self.folds, self.scores[family], strict=True))[
            : self.n_splits
        ]:
            scores[test] = fold.outside
        return scores

    def _attempt(self, family, n_wanted, power):
        held_out = self.held_out(family)
        regions = Regions.from_scores(
            held_out, self.sizes, n_wanted, self.min_rows, power
        )
        found, numbers = [], []
        for fold, (train, test) in zip(self.scores[family], self.folds, strict=True):
            min_rows = -(-self.min_rows * len(train) // len(self.u))
            merged = regions.with_at_least(min_rows, fold.inside)
            # Models of the service see the cells' centres and the labels in them.
            labels = cell_labels(
                predicted_labels(merged, held_out[train]),
                merged.index(fold.inside),
                self.outputs[train],
                self.sizes,
            )
            found.append(self._measures(labels[merged.index(fold.outside)], test))
            numbers.append(merged.n_cells)
        n_cells = int(np.rint(np.mean(numbers)))
        return _Attempt(self._trial(family, n_cells, found), family, n_wanted, power)

    def final_cells(self, attempt, u, target, min_cell_size):
        """Cells of the family fitted to all rows, or to a larger sample of them."""
        rows = _sample(target, min(len(u), FITTED_ROWS))
        outputs = target.outputs[rows]
        scorer = self.families[attempt.family](u[rows], outputs, self.sizes)
        held_out = self.held_out(attempt.family)
        if self.sizes is not None:
            # Of more rows, trees learn to be surer.
            folds = [_certainty(fold.inside) for fold in self.scores[attempt.family]]
            growth = _certainty(scorer.scores(u[rows])) / max(np.mean(folds), 1.0)
            held_out = np.rint(held_out * growth)
        cells = cut_cells(
            scorer,
            held_out,
            self.outputs,
            self.sizes,
            attempt.n_wanted,
            self.min_rows,
            attempt.power,
        )
        return merge_small(cells, u, held_out, self.outputs, min_cell_size)


def _certainty(scores):
    """How far apart the scores of a row are, in the middle."""
    return max(float(np.median(np.ptp(scores, axis=1))), 1.0)


def _folds(outputs, sizes):
    """How many folds there are, and the folds of all repeats."""
    small = len(outputs) < SMALL_ROWS
    n_splits = min(SMALL_FOLDS if small else FOLDS, len(outputs))
    settings = {
        "n_splits": n_splits,
        "n_repeats": int(np.clip(300 // len(outputs), 1, 2)),
        "random_state": 0,
    }
    labels = outputs[:, 0]
    if sizes is not None and np.bincount(labels)[labels].min() >= n_splits:
        folds = RepeatedStratifiedKFold(**settings).split(outputs, labels)
    else:
        folds = RepeatedKFold(**settings).split(outputs)
    return n_splits, list(folds)


def _standard_error(values):
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _models(sizes, n_rows):
    n_neighbors = min(10, n_rows)
    if sizes is None:
        return {
            "neighbours": KNeighborsRegressor(n_neighbors, weights="distance"),
            "forest": ExtraTreesRegressor(30, random_state=0),
        }
    return {
        "neighbours": KNeighborsClassifier(n_neighbors, weights="distance"),
        "forest": ExtraTreesClassifier(30, random_state=0),
    }


def _predicted(model, X, outputs, X_test, sizes):
    """Numbers, or probabilities of all classes of all outputs side by side."""
    model.fit(X, outputs[:, 0] if outputs.shape[1] == 1 else outputs)
    if sizes is None:
        return model.predict(X_test).reshape(len(X_test), -1)
    found = model.predict_proba(X_test)
    single = outputs.shape[1] == 1
    blocks = []
    for proba, classes, size in zip(
        [found] if single else found,
        [model.classes_] if single else model.classes_,
        sizes,
        strict=True,
    ):
        block = np.zeros((len(X_test), size))
        block[:, classes] = proba
        blocks.append(block)
    return np.hstack(blocks)
