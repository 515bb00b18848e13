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
from sklearn_homeo.encryption.label_space.kernel_scores import (
    KernelMachines,
    fit_kernel_scores,
)
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

# Rows on which the dial is set, and rows to which the family that won is fitted.
TRIAL_ROWS = 4000
FITTED_ROWS = 20_000
# Rows that nothing was fitted to, on which cells are proved where rows are that many.
FEWEST_PROVED_ROWS, FRESH_SHARE, MOST_FRESH_ROWS, N_PARTS = 8000, 0.25, 4000, 5
# Folds and repeats. On fewer rows than that, more folds: training rows are scarce.
FOLDS, SMALL_ROWS, SMALL_FOLDS = 3, 700, 5
TOLERANCES = {"balanced accuracy": 0.01, "ROC AUC": 0.01, "R2": 0.02}
FEWEST_NUMBER_CELLS, MOST_NUMBER_CELLS = 8, 64
# Cells for each class; with more, scores are not much worse.
MOST_CELLS_PER_CLASS = 16
MAX_BOOSTED_CLASSES, FEWEST_BOOSTED_ROWS = 20, 400
SHRINKAGE = 0.1
BOOSTED = "boosted trees"
SOFT, SHARP = "kernel, soft metric", "kernel, sharp metric"
METRICS = {"kernel": "plain", SOFT: "soft", SHARP: "sharp"}
# So near to chance, in standard errors, a model is taken to see nothing.
CHANCE_ERRORS = 3.0
# Tolerances by which a family's scores may do worse than the best one's; beyond, no
# cells are cut in them.
HOPELESS = 5.0
# As far behind by every measure, on so many rows, it is not tried on others.
SURELY_HOPELESS, FEWEST_SEEN_ROWS = 2 * HOPELESS, 300
# Tolerances that cells may lose before scores, which leak far more, are taken instead.
NEARLY = 2.0


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
        What is lost against the best model on all features; by cross-validation, one
        standard error of the paired difference included.
    """

    name: str
    n_cells: int | None
    scores: dict
    losses: dict

    @classmethod
    def from_folds(cls, name, n_cells, found, best):
        """Compare what was found on each fold with the best, on the same folds.

        Parameters
        ----------
        name : str
        n_cells : int or None
        found, best : dict of str to ndarray of shape (n_folds,)
            Each measure's values.
        """
        scores, losses = {}, {}
        for measure, highest in best.items():
            loss = highest - found[measure]
            error = loss.std(ddof=1) / np.sqrt(len(loss))
            scores[measure] = float(found[measure].mean())
            losses[measure] = float(loss.mean() + error)
        return cls(name, n_cells, scores, losses)

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
        Trial of these cells.
    others : list of Trial
        Other cells, and models on all features.
    is_enough : bool
        Whether the label is kept within the tolerances.
    """

    @property
    def is_nearly_enough(self):
        """Whether no more than twice the tolerances is lost."""
        return self.trial.excess <= NEARLY

    cells: Cells
    trial: Trial
    others: list
    is_enough: bool

    @property
    def kept(self):
        """What cells and the best model score, in words."""
        return ", ".join(
            f"{name} {score:.3f} (best model {best:.3f})"
            for (name, score), best in zip(
                self.trial.scores.items(), self._best(), strict=True
            )
        )

    def __str__(self):
        n_cells = self.cells.n_cells
        return (
            f"{n_cells} cells, {np.log2(n_cells):.2f} bits a row, {self.trial.name}: "
            f"{self.kept}{'' if self.is_enough else '; not enough'}"
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
    cells that were fitted to them, as they will. Of 8,000 rows and more, some are left
    out, and cells that learnt from the others must keep the label on these too.

    Parameters
    ----------
    u : ndarray or LatticeRows of shape (n_samples, n_features), dtype int64
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
    rows = _sample(target, min(len(u), TRIAL_ROWS))
    part = max(-(-min_cell_size * len(rows) // len(u)), 1)
    sizes = class_sizes(target)
    bench = _Bench(u[rows], target.outputs[rows], sizes, part, len(rows) < len(u))
    final = _Final(bench, u, target, rows, min_cell_size)
    attempts, failed = [], []
    for rung in bench.rungs(n_cells):
        attempts += rung
        for attempt in final.worth_proving(rung, n_cells):
            cells, proof = final.proved(attempt)
            if proof.excess <= 1.0 or bench.sees_nothing():
                return CellChoice(cells, proof, final.others(attempts, attempt), True)
            failed.append((proof.excess, attempt, cells, proof))
    if failed:
        _, best, cells, proof = min(failed, key=lambda one: one[0])
    else:
        best = min(attempts, key=lambda one: one.trial.excess)
        cells, proof = final.proved(best)
    return CellChoice(cells, proof, final.others(attempts, best), False)


def _sample(target, n_rows):
    """Indices of `n_rows` rows, with the classes of one output in proportion."""
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
    for name, metric in METRICS.items():
        families[name] = partial(fit_kernel_scores, metric=metric)
    few = sizes is None or sizes[0] <= MAX_BOOSTED_CLASSES
    if few and outputs.shape[1] == 1 and len(outputs) >= FEWEST_BOOSTED_ROWS:
        families[BOOSTED] = fit_boosted_scores
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
    """Folds of a sample, with the scores of all families and models without cells.

    More rows than the sample's do most for boosted trees: where there are any, these
    are kept, however far behind they are.
    """

    def __init__(self, u, outputs, sizes, min_rows, is_part):
        self.u, self.outputs, self.sizes, self.min_rows = u, outputs, sizes, min_rows
        self.kept = {BOOSTED} if is_part else set()
        self.n_splits, self.folds = _folds(outputs, sizes)
        self.families = _families(u, outputs, sizes)
        self.scores = {name: [] for name in self.families}
        self._measured = {}
        X, n_seen = u * LATTICE_STEP, 0
        for fold, (_, test) in enumerate(self.folds):
            if n_seen >= FEWEST_SEEN_ROWS:
                self._drop_the_hopeless()
            self._run(fold, X)
            n_seen += len(test)
        self.families = {name: self.families[name] for name in self.scores}
        self.best = self._best_of(self._measured)
        self.references = [
            self._trial(name, None, found) for name, found in self._measured.items()
        ]

    def _run(self, fold, X):
        """Let all families, and models without cells, learn from one fold."""
        train, test = self.folds[fold]
        for name, scorer in self._scorers(train):
            one = _Fold(scorer.scores(self.u[train]), scorer.scores(self.u[test]))
            self.scores[name].append(one)
            self._measure(name, self.predicted(one.outside), test)
        for name, model in _models(self.sizes, len(train)).items():
            if fold == 0 or name in self._measured:
                predicted = _predicted(
                    model, X[train], self.outputs[train], X[test], self.sizes
                )
                self._measure(name, predicted, test)

    def _scorers(self, rows):
        """Scorers of the families left, fitted to some rows, with their names."""
        rows = self.u[rows], self.outputs[rows], self.sizes
        machines = KernelMachines(*rows)
        for name in list(self.scores):
            if name == SHARP and self._is_linear(len(self.u) - len(rows[1])):
                del self.scores[SHARP]
                continue
            fit = self.families[name]
            yield name, fit(*rows, machines=machines) if name in METRICS else fit(*rows)

    def _measure(self, name, predicted, test):
        found = self.measures(predicted, self.outputs[test])
        self._measured.setdefault(name, []).append(found)

    def _is_linear(self, n_seen):
        """Whether linear models see all that a soft metric does, on enough rows."""
        known = self._measured.keys() & {"linear", "linear, shrunk", SOFT}
        if n_seen < FEWEST_SEEN_ROWS or SHARP in self._measured or len(known) < 2:
            return False
        found = {name: self._measured[name][-1] for name in known}
        return all(
            score - max(found[name][m] for name in known - {SOFT}) < TOLERANCES[m]
            for m, score in found[SOFT].items()
        )

    def _drop_the_hopeless(self):
        """Leave out what is far behind the best by every measure, fold after fold."""
        means = {}
        for name, found in self._measured.items():
            table = [[fold[m] / TOLERANCES[m] for m in fold] for fold in found]
            means[name] = np.mean(table, axis=0)
        best = np.max(list(means.values()), axis=0)
        for name, mean in means.items():
            if (best - mean > SURELY_HOPELESS).all() and name not in self.kept:
                del self._measured[name]
                self.scores.pop(name, None)

    def measures(self, predicted, outputs):
        """Measures of probabilities of classes, or of numbers."""
        if self.sizes is None:
            return number_measures(predicted, outputs)
        return class_measures(predicted, outputs, self.sizes)

    def predicted(self, scores):
        """What a family's scores say: probabilities of classes, or numbers."""
        logits = scores * SCORE_STEP
        return logits if self.sizes is None else softmax(logits, self.sizes)

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
        by_measure = {m: np.array([fold[m] for fold in found]) for m in self.best}
        return Trial.from_folds(name, n_cells, by_measure, self.best)

    def rungs(self, n_cells):
        """Trials with few cells, with twice as many, and so on, or with those wanted.

        Yields
        ------
        rung : list of _Attempt
            Attempts of all families that are any good.
        """
        powers = POWERS if self.sizes is not None else POWERS[:1]
        growing = [(name, power) for name in self._contenders() for power in powers]
        for n_wanted in self._ladder() if n_cells == "auto" else [n_cells]:
            tried = growing
            if self._has_a_cell_a_class(n_wanted):
                tried = [(name, power) for name, power in tried if power == POWERS[0]]
            rung = [self._attempt(name, n_wanted, power) for name, power in tried]
            yield rung
            # Rows are too few for more.
            full = {
                (one.family, one.power)
                for one in rung
                if one.trial.n_cells < n_wanted / 2
            }
            growing = [pair for pair in growing if pair not in full]
            if not growing:
                return

    def _has_a_cell_a_class(self, n_wanted):
        """Whether cells are those of the likeliest class, whatever the power."""
        return self.sizes is not None and self.sizes == (n_wanted,)

    def _contenders(self):
        most = self._excess(self.best_family) + HOPELESS
        return [
            name
            for name in self.families
            if self._excess(name) <= most or name in self.kept
        ]

    @property
    def best_family(self):
        """The one whose scores as they are lose least."""
        return min(self.families, key=self._excess)

    def _excess(self, name):
        return next(one.excess for one in self.references if one.name == name)

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
            merged = regions.with_at_least(min_rows, regions.counts(fold.inside))
            # Models of the service see the cells' centres and the labels in them.
            labels = cell_labels(
                predicted_labels(merged, held_out[train]),
                merged.index(fold.inside),
                self.outputs[train],
                self.sizes,
            )
            predicted = labels[merged.index(fold.outside)]
            found.append(self.measures(predicted, self.outputs[test]))
            numbers.append(merged.n_cells)
        n_cells = int(np.rint(np.mean(numbers)))
        return _Attempt(self._trial(family, n_cells, found), family, n_wanted, power)


class _Final:
    """Cells of families fitted to all rows, or to a large sample, and their proof."""

    def __init__(self, bench, u, target, trial_rows, min_cell_size):
        self.bench, self.u, self.target = bench, u, target
        self.proves = len(u) >= FEWEST_PROVED_ROWS
        most = len(u)
        if self.proves:
            most -= min(int(FRESH_SHARE * len(u)), MOST_FRESH_ROWS)
        self.rows = _sample(target, min(most, FITTED_ROWS))
        self.min_cell_size = min_cell_size
        self.references, self._whole = [], {}
        unseen = np.ones(len(u), dtype=bool)
        unseen[trial_rows] = unseen[self.rows] = False
        fresh = np.flatnonzero(unseen)
        self.fresh = fresh[:: max(len(fresh) // MOST_FRESH_ROWS, 1)][:MOST_FRESH_ROWS]
        self._scorers, self._scores = {}, {}

    def worth_proving(self, rung, n_cells):
        """Attempts that are enough, and boosted trees, which gain most by more rows."""
        best = min(rung, key=lambda one: one.trial.excess)
        enough = [one for one in rung if one.trial.excess <= 1.0]
        if n_cells == "auto" and enough:
            best = min(enough, key=lambda one: (one.trial.n_cells, one.trial.excess))
        if enough or self.bench.sees_nothing():
            yield best
        boosted = [one for one in rung if one.family == BOOSTED and one is not best]
        if boosted and self.proves:
            yield min(boosted, key=lambda one: one.trial.excess)

    def proved(self, attempt):
        """Cells of an attempt, and its trial: on fresh rows, if any are left out."""
        cells = self._cells(attempt)
        if not self.proves:
            return cells, attempt.trial
        return cells, self._proof(cells, attempt)

    def others(self, attempts, best):
        """Trials of other attempts, and of models on all features."""
        found = [one.trial for one in attempts if one is not best]
        return found + (self.references or self.bench.references)

    def _cells(self, attempt):
        bench, scorer = self.bench, self._scorer(attempt.family)
        held_out = self._held_out(attempt.family)
        cells = cut_cells(
            scorer,
            held_out,
            bench.outputs,
            bench.sizes,
            attempt.n_wanted,
            bench.min_rows,
            attempt.power,
        )
        return merge_small(cells, self.u, held_out, bench.outputs, self.min_cell_size)

    def _scorer(self, family):
        if family not in self._scorers:
            fit, rows = self.bench.families[family], self.rows
            outputs = self.target.outputs[rows]
            self._scorers[family] = fit(self.u[rows], outputs, self.bench.sizes)
        return self._scorers[family]

    def _scores_of(self, family, part):
        """Scores of the fitted or of the fresh rows."""
        if (family, part) not in self._scores:
            u = self.u[{"fitted": self.rows, "fresh": self.fresh}[part]]
            self._scores[family, part] = self._scorer(family).scores(u)
        return self._scores[family, part]

    def _held_out(self, family):
        """Scores of the trial's rows, as sure as those of more rows will be."""
        held_out = self.bench.held_out(family)
        if self.bench.sizes is None:
            return held_out
        # Of more rows, trees learn to be surer.
        folds = [_certainty(fold.inside) for fold in self.bench.scores[family]]
        certainty = _certainty(self._scores_of(family, "fitted"))
        return np.rint(held_out * (certainty / max(np.mean(folds), 1.0)))

    def _proof(self, cells, attempt):
        """How cells, and models on all features, do on rows that are new to them."""
        regions, family = cells.regions, attempt.family
        labels = cell_labels(
            predicted_labels(regions, self._held_out(family)),
            regions.index(self._scores_of(family, "fitted")),
            self.target.outputs[self.rows],
            self.bench.sizes,
        )
        fresh = regions.index(self._scores_of(family, "fresh"))
        kept = self._in_parts(labels[fresh])
        if not self._whole:
            self._whole = self._on_all_features()
            self.references = [
                Trial(name, None, _means(parts), dict.fromkeys(parts, 0.0))
                for name, parts in self._whole.items()
            ]
        losses = {}
        for measure, parts in kept.items():
            best = max((one[measure] for one in self._whole.values()), key=np.mean)
            losses[measure] = float((best - parts).mean())
        return Trial(attempt.trial.name, cells.n_cells, _means(kept), losses)

    def _in_parts(self, predicted):
        """Measures of what is predicted of the fresh rows, in parts of them."""
        outputs, n_parts = self.target.outputs[self.fresh], N_PARTS
        parts = [
            self.bench.measures(predicted[i::n_parts], outputs[i::n_parts])
            for i in range(n_parts)
        ]
        return {name: np.array([one[name] for one in parts]) for name in parts[0]}

    def _on_all_features(self):
        """Measures on fresh rows of models that learnt from the fitted rows."""
        bench, u, outputs = self.bench, self.u, self.target.outputs
        rows, fresh = self.rows, self.fresh
        found = {
            name: self._in_parts(bench.predicted(self._scores_of(name, "fresh")))
            for name in bench.families
            if name in (BOOSTED, self.bench.best_family)
        }
        X, X_fresh = u[rows] * LATTICE_STEP, u[fresh] * LATTICE_STEP
        forest = _models(bench.sizes, len(rows))["forest"]
        predicted = _predicted(forest, X, outputs[rows], X_fresh, bench.sizes)
        found["forest"] = self._in_parts(predicted)
        return found


def _means(parts):
    return {name: float(values.mean()) for name, values in parts.items()}


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
