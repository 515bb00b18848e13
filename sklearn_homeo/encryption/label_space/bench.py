"""Folds of a sample, on which families of cells and models without them compete."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

from sklearn_homeo.encryption.label_space.classifiers import LATTICE_STEP, SCORE_STEP
from sklearn_homeo.encryption.label_space.cross_fitting import fit_cross_fitted_scores
from sklearn_homeo.encryption.label_space.kernel_machines import KernelMachines
from sklearn_homeo.encryption.label_space.kernel_scores import fit_kernel_scores
from sklearn_homeo.encryption.label_space.linear_scores import (
    find_penalties,
    fit_joint_scores,
    fit_linear_scores,
    joint_does_better,
)
from sklearn_homeo.encryption.label_space.network_scores import fit_network_scores
from sklearn_homeo.encryption.label_space.references import (
    forest_predicts,
    neighbours_predict,
)
from sklearn_homeo.encryption.label_space.regions import (
    NARROW_POWER,
    POWERS,
    Regions,
    cell_labels,
    numbers_of_cells,
    powers_of,
    predicted_labels,
)
from sklearn_homeo.encryption.label_space.tree_scores import fit_boosted_scores
from sklearn_homeo.encryption.label_space.trials import (
    TOLERANCES,
    Trial,
    by_measure,
    surely_better,
)
from sklearn_homeo.encryption.label_space.yardsticks import (
    chance,
    chance_errors,
    class_measures,
    number_measures,
    one_row,
    softmax,
)

__all__ = [
    "BOOSTED",
    "JOINT",
    "LINEAR",
    "NETWORK",
    "SHARP",
    "SOFT",
    "Attempt",
    "Bench",
    "certainty_of",
]

# Folds and repeats. On fewer rows than that, more folds: training rows are scarce.
FOLDS, SMALL_ROWS, SMALL_FOLDS = 3, 700, 5
MAX_BOOSTED_CLASSES, FEWEST_BOOSTED_ROWS = 20, 400
MAX_NETWORK_COLUMNS = 512
SHRINKAGE = 0.1
BOOSTED, NETWORK = "boosted trees", "neural network"
PLAIN, CROSS_FITTED = "kernel", "kernel, cross-fitted"
SOFT, SHARP = "kernel, soft metric", "kernel, sharp metric"
METRICS = {PLAIN: "plain", SOFT: "soft", SHARP: "sharp"}
# Scores beyond which the weights of ten parts would take too much memory.
MAX_CROSS_FITTED_SCORES = 64
# So near to chance, in standard errors, a model is taken to see nothing; and so near
# the best one on a part of the rows leaves the slow ones nothing to find.
CHANCE_ERRORS, PART_ERRORS = 3.0, 2.0
# Tolerances by which a family's scores may do worse than the best one's; beyond, no
# cells are cut in them.
HOPELESS = 5.0
# Tolerances by which a kernel machine may do worse than others, and yet be worth more
# landmarks.
NEAR = 2.0
# Tolerances lost at which the next number of cells will not be enough either.
FAR = 4.0
# As far behind by every measure, on so many rows, it is not tried on others; some slow
# ones are not either if they are less far behind.
SURELY_HOPELESS, FEWEST_SEEN_ROWS = 2 * HOPELESS, 300
SLOW = (SHARP, NETWORK)
JOINT = "linear, with discriminant"
LINEAR = {"linear", "linear, shrunk", JOINT}


@dataclass(frozen=True, eq=False)
class Attempt:
    """What cells of one family, in one number, did.

    Parameters
    ----------
    trial : Trial
    family : str
    n_wanted : int
        Cells asked for; small ones are merged.
    power : float
        Power of the probabilities that were compared.
    """

    trial: Trial
    family: str
    n_wanted: int
    power: float


@dataclass(frozen=True, eq=False)
class _Fold:
    """Scores of one family in one fold, of its training and of its held-out rows."""

    inside: np.ndarray
    outside: np.ndarray


class Bench:
    """Folds of a sample, with the scores of all families and models without cells.

    More rows than the sample's do most for boosted trees: where there are any, these
    are kept, however far behind they are.
    """

    def __init__(self, u, outputs, sizes, min_rows, is_part):
        self.u, self.outputs, self.sizes, self.min_rows = u, outputs, sizes, min_rows
        self.is_part, self.kept = is_part, {BOOSTED} if is_part else set()
        self.n_splits, self.folds = _folds(outputs, sizes)
        self.families = _families(u, outputs, sizes, is_part)
        self.scores = {name: [] for name in self.families}
        self._measured = {}
        X, seen = u * LATTICE_STEP, np.zeros(0, dtype=np.int64)
        for fold, (_, test) in enumerate(self.folds):
            if len(seen) >= FEWEST_SEEN_ROWS:
                self._drop_the_hopeless(seen)
            self._run(fold, X)
            seen = np.concatenate([seen, test])
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
        rows = X[train], self.outputs[train], X[test], self.sizes
        if fold == 0 or "neighbours" in self._measured:
            self._measure("neighbours", neighbours_predict(*rows), test)
        if fold == 0 or "forest" in self._measured:
            others = [found[-1] for found in self._measured.values()]
            predicted = forest_predicts(*rows, self.outputs[test], others)
            self._measure("forest", predicted, test)

    def _scorers(self, rows):
        """Scorers of the families left, fitted to some rows, with their names."""
        rows = self.u[rows], self.outputs[rows], self.sizes
        machines = KernelMachines(*rows)
        for name in list(self.scores):
            if self._is_needless(name, len(self.u) - len(rows[1])):
                del self.scores[name]
                continue
            fit = self.families[name]
            if name in (*METRICS, CROSS_FITTED):
                fit = partial(fit, machines=machines)
            yield name, fit(*rows)

    def _measure(self, name, predicted, test):
        found = self.measures(predicted, self.outputs[test])
        self._measured.setdefault(name, []).append(found)

    def _is_needless(self, name, n_seen):
        """Whether others see all that a slow family would, as far as the fold tells."""
        if name == CROSS_FITTED:
            return not self._gains_by_landmarks(n_seen)
        return name in SLOW and self._is_linear(n_seen)

    def _gains_by_landmarks(self, n_seen):
        """Whether kernels see more than linear models, and hardly less than others."""
        if CROSS_FITTED in self._measured:
            return True
        if n_seen < FEWEST_SEEN_ROWS or self._linear_sees_all_of(PLAIN):
            return False
        plain = self._measured[PLAIN][-1]
        return all(
            score > folds[-1][m] - NEAR * TOLERANCES[m]
            for folds in self._measured.values()
            for m, score in plain.items()
        )

    def _is_linear(self, n_seen):
        """Whether linear models see all that a soft metric does, on enough rows."""
        known = n_seen >= FEWEST_SEEN_ROWS and SHARP not in self._measured
        return known and SOFT in self._measured and self._linear_sees_all_of(SOFT)

    def _linear_sees_all_of(self, family):
        """Whether linear models do about as well on the last fold as a family does."""
        linear = [self._measured[name][-1] for name in LINEAR & self._measured.keys()]
        return bool(linear) and all(
            score - max(one[m] for one in linear) < TOLERANCES[m]
            for m, score in self._measured[family][-1].items()
        )

    def _drop_the_hopeless(self, seen):
        """Leave out what is far behind the best by every measure, fold after fold."""
        means = {
            name: {m: np.mean([fold[m] for fold in found]) for m in found[0]}
            for name, found in self._measured.items()
        }
        measures = next(iter(means.values()))
        best = {m: max(mean[m] for mean in means.values()) for m in measures}
        nothing = self._is_chance(best, self.outputs[seen], PART_ERRORS)
        for name, mean in means.items():
            behind = min((best[m] - mean[m]) / TOLERANCES[m] for m in best)
            is_hopeless = behind > (HOPELESS if name in SLOW else SURELY_HOPELESS)
            is_vain = nothing and name in (*SLOW, BOOSTED)
            if (is_hopeless or is_vain) and name not in self.kept:
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
        return by_measure(best)

    def sees_nothing(self):
        """Whether no model on all features can be told from chance."""
        best = {name: scores.mean() for name, scores in self.best.items()}
        return self._is_chance(best, self.outputs, CHANCE_ERRORS)

    def _is_chance(self, scores, outputs, n_errors):
        """Whether guessing scores no less on so many rows."""
        errors = chance_errors(outputs, self.sizes)
        return all(
            score <= chance(name, self.sizes) + n_errors * errors[name]
            for name, score in scores.items()
        )

    def _trial(self, name, n_cells, found):
        least_error = one_row(self.outputs, self.sizes)
        return Trial.from_folds(
            name, n_cells, by_measure(found), self.best, least_error
        )

    def rungs(self, n_cells):
        """Trials with few cells, with more and more, or with those wanted.

        Yields
        ------
        rung : list of Attempt
            Attempts of all families that are any good.
        """
        for names in self._stages():
            yield from self._rungs_of(names, n_cells)

    def _rungs_of(self, names, n_cells):
        growing = [(name, power) for name in names for power in powers_of(self.sizes)]
        numbers = self._ladder() if n_cells == "auto" else [n_cells]
        while numbers:
            n_wanted, tried = numbers.pop(0), growing
            if self.has_no_border(n_wanted):
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
            if len(numbers) > 1 and min(one.trial.excess for one in rung) > FAR:
                numbers.pop(0)

    def has_no_border(self, n_wanted):
        """Whether cells are of numbers, or one a class: the same whatever the power."""
        return self.sizes is None or self.sizes == (n_wanted,)

    def _contenders(self):
        most = self._excess(self.best_family) + HOPELESS
        return [
            name
            for name in self.families
            if self._excess(name) <= most or name in self.kept
        ]

    def _stages(self):
        """Families to be tried, those of each stage if earlier ones were not enough.

        On few rows the luckiest of many families would be the first whose few cells
        are enough. So linear ones come first unless another is surely better.
        """
        names = self._contenders()
        linear = [name for name in names if name in LINEAR]
        others = [name for name in names if name not in LINEAR]
        if self.is_part or not linear or any(map(self._beats_linear, others)):
            return [names]
        return [stage for stage in (linear, others) if stage]

    def _beats_linear(self, family):
        """Whether a family's scores surely do better than those of linear ones."""
        names = LINEAR & self._measured.keys()
        linear = [by_measure(self._measured[name]) for name in names]
        return surely_better(by_measure(self._measured[family]), linear)

    @property
    def best_family(self):
        """The one whose scores as they are lose least."""
        return min(self.families, key=self._excess)

    def _excess(self, name):
        return next(one.excess for one in self.references if one.name == name)

    def _ladder(self):
        if self.sizes is None:
            return numbers_of_cells(None)
        return numbers_of_cells(len(np.unique(self.outputs, axis=0)))

    def held_out(self, family):
        """Scores of every row by a scorer that was not fitted to it."""
        scores = np.empty((len(self.u), self.scores[family][0].outside.shape[1]))
        # The first repeat; later ones hold the same rows out once more.
        for (_, test), fold in list(zip(self.folds, self.scores[family], strict=True))[
            : self.n_splits
        ]:
            scores[test] = fold.outside
        return scores

    def narrowed(self, attempt):
        """Try as many cells of the same family with fewer rows between the classes."""
        return self._attempt(attempt.family, attempt.n_wanted, NARROW_POWER)

    def _attempt(self, family, n_wanted, power):
        held_out = self.held_out(family)
        regions = Regions.from_scores(
            held_out, self.sizes, n_wanted, self.min_rows, power
        )
        nearest, predictions = regions.nearest(held_out), regions.predictions(held_out)
        found, numbers = [], []
        for fold, (train, test) in zip(self.scores[family], self.folds, strict=True):
            min_rows = -(-self.min_rows * len(train) // len(self.u))
            inside = regions.nearest(fold.inside)
            counts = np.bincount(regions.cells[inside], minlength=regions.n_cells)
            merged = regions.with_at_least(min_rows, counts)
            outside = merged.cells[nearest[train]]
            # Models of the service see the cells' centres and the labels in them.
            labels = cell_labels(
                predicted_labels(merged, outside, predictions[train]),
                merged.cells[inside],
                self.outputs[train],
                self.sizes,
            )
            predicted = labels[merged.index(fold.outside)]
            found.append(self.measures(predicted, self.outputs[test]))
            numbers.append(merged.n_cells)
        n_cells = int(np.rint(np.mean(numbers)))
        return Attempt(self._trial(family, n_cells, found), family, n_wanted, power)


def certainty_of(scores):
    """How far apart the scores of a row are, in the middle."""
    return max(float(np.median(np.ptp(scores, axis=1))), 1.0)


def _families(u, outputs, sizes, is_part):
    families = _linear_families(u, outputs, sizes)
    for name, metric in METRICS.items():
        families[name] = partial(fit_kernel_scores, metric=metric)
    # Of more rows, a network learns as much, and is faster.
    n_scores = outputs.shape[1] if sizes is None else sum(sizes)
    if not is_part and n_scores <= MAX_CROSS_FITTED_SCORES:
        families[CROSS_FITTED] = fit_cross_fitted_scores
    few = sizes is None or sizes[0] <= MAX_BOOSTED_CLASSES
    if few and outputs.shape[1] == 1 and len(outputs) >= FEWEST_BOOSTED_ROWS:
        families[BOOSTED] = fit_boosted_scores
        if is_part and u.shape[1] <= MAX_NETWORK_COLUMNS:
            families[NETWORK] = fit_network_scores
    return families


def _linear_families(u, outputs, sizes):
    if sizes is None:
        return {"linear": fit_linear_scores}
    penalties = find_penalties(u, outputs, sizes)
    if joint_does_better(u, outputs, sizes, penalties):
        # Nothing else beside it: on few rows the luckiest of several would be taken.
        return {JOINT: partial(fit_joint_scores, penalties=penalties)}
    shrunk = [SHRINKAGE * C for C in penalties]
    return {
        "linear": partial(fit_linear_scores, penalties=penalties),
        # More alike within and outside the training rows.
        "linear, shrunk": partial(fit_linear_scores, penalties=shrunk),
    }


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
