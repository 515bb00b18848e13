"""Search among finders and widths for what leaks least and loses nothing."""

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold
from threadpoolctl import threadpool_limits

from sklearn_homeo.encryption.label_space.columns import telling_columns
from sklearn_homeo.encryption.label_space.coordinates import scaled_directions
from sklearn_homeo.encryption.label_space.finders import (
    BY_COLUMN,
    UNIONS,
    Found,
    completed,
    find,
    suitable_finders,
)
from sklearn_homeo.encryption.label_space.leak import linear_leaks
from sklearn_homeo.encryption.label_space.probes import (
    PROBES,
    features_for,
    metrics_of,
    probe_rows,
)

__all__ = [
    "ALL_FEATURES",
    "NOISES",
    "PATIENCE",
    "Candidate",
    "ProbeScore",
    "Search",
    "found_by",
]

# Small tables are held out whole, and cut into folds anew until so many rows were held
# out. Of large ones, few folds are enough, and more of the rows are left to learn from.
SMALL_ROWS, SMALL_FOLDS, REPEATED_ROWS, MOST_REPEATS = 1500, 3, 700, 2
LARGE_FOLDS, HELD_OUT_ROWS, FEWEST_FOLDS = 5, 1200, 2
WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
# What to try leaks that much less than the best so far.
WORTHWHILE = 0.95
# Standard errors by which a loss is no accident, and the share of the tolerance that
# one may take: small tables would have to keep everything otherwise.
CLEARLY, MOST_ERROR = 2.5, 0.4
# Standard errors by which a candidate must be behind not to be asked on other folds.
SURELY = 2.0
# Times the tolerance: a loss at which no other kind of probe is asked, because it is
# small, or because support vectors and neighbours both see that little.
SETTLED, HOPELESS = 0.25, 4.0
# Tolerances by which a kind of probe may do worse on the first fold than the best one.
NEARLY = 1.5
# A loss at which nobody else is asked, if neighbours and a linear model see that little
# in few directions: they learn in a moment.
SURELY_HOPELESS, GLANCES, MOST_GLANCED = 12.0, ("neighbours", "linear"), 4
# Widths of one finder that may be tried without getting better.
PLATEAU, PROGRESS = 2, 1.0
# Times the tolerance: a loss from which the next width is not worth a try.
FAR = 8.0
# Times the tolerance that may be lost before all features are preserved instead.
PATIENCE = 2.0
# Standard deviations of noise on the coordinates, within classes, most first.
# It may cost that much of the tolerance; less where nothing of it is left.
NOISES, NOISE_COST, LEAST_COST = (0.1, 0.05, 0.02, 0.01, 0.005), 0.5, 0.1
# What is tried first, with so many directions more than the label spans: few rows can
# do more for models on a good subspace than for models on all features.
SCOUTS, SCOUT_WIDTH = ("gradients", "gradient columns", "linear + columns"), 3
# In two threads at most: what uses the same work is in one of them.
SLOW_FINDERS = (("gradients",), ("boosting columns", "forest columns"))
ALL_FEATURES = "all features"


class Candidate(NamedTuple):
    """The first directions of one finder, with noise on their coordinates."""

    finder: str
    width: int
    noise: float = 0.0


class ProbeScore(NamedTuple):
    """What the best probes got from one set of directions.

    Parameters
    ----------
    finder : str
    width : int
        Number of directions.
    score : float
        Balanced accuracy, or R2 for numbers; the mean over several outputs.
    roc_auc : float or None
        The area under the ROC curve likewise, for classes.
    loss, error : float
        How much less than all features, by the metric that loses most of its
        tolerance, and the standard error of that.
    leak : float
        Share of the standardised variance that the directions determine linearly.
    n_folds : int
        Folds of held-out rows; a candidate far behind is given up after one.
    chosen : bool
        Whether these are the directions taken.
    """

    finder: str
    width: int
    score: float
    roc_auc: float | None
    loss: float
    error: float
    leak: float
    n_folds: int
    chosen: bool = False


class Trial(NamedTuple):
    """Means of the metrics over the held-out rows, losses and their errors."""

    means: np.ndarray
    loss: np.ndarray
    error: np.ndarray
    n_folds: int


class Search:
    """Probe scores of directions that were found without the rows scored.

    Parameters
    ----------
    sample : Sample
    most : int
        Largest width to try.
    n_threads : int, default=1

    Attributes
    ----------
    trials : dict of Candidate to Trial
        In the order in which they were tried.
    """

    def __init__(self, sample, most, n_threads=1):
        self.sample, self.most, self.n_threads = sample, most, n_threads
        self.metrics = metrics_of(sample.target)
        self.tolerances = np.array([metric.tolerance for metric in self.metrics])
        self.folds = _folds(sample.target)
        self.samples = [sample.take(train) for train, _ in self.folds]
        self.trials = {}
        self._asked = {}
        self._everything = Candidate(ALL_FEATURES, sample.X.shape[1])
        self._in_threads(lambda names: [*map(self._leaks, names)], SLOW_FINDERS)
        # Where directions are found in all rows at the end, these tell as much.
        sample.shared["telling"] = telling_columns(self.samples[0])
        names = suitable_finders(sample)
        self._names = [name for name in names if len(self._leaks(name))]

    def choose(self):
        """What leaks least with no more than the tolerated loss.

        Returns
        -------
        candidate : Candidate
            All features if nothing else is nearly enough.
        """
        if not self.told.any():
            return self._least_leak()
        self._scout()
        best, bound = None, 1.0
        for name in self._names:
            leaks = self._leaks(name)
            widths = [
                w for w in self._widths(name) if leaks[w - 1] < WORTHWHILE * bound
            ]
            step = self._ascend if best is None else self._descend
            found = step(name, widths)
            if found is not None and not self._is_behind(found, best):
                self._raise_bar(found)
                best, bound = found, leaks[found.width - 1]
        return best or self._nearly_enough()

    def choose_finder(self, width):
        """The finder of `width` directions that leaks least, or else loses least."""
        candidates = [Candidate(name, width) for name in self._names]
        candidates = [c for c in candidates if len(self._leaks(c.finder)) >= width]
        if not candidates:
            # Rows that vary in fewer directions have no more to give.
            name = max(self._names, key=lambda name: len(self._leaks(name)))
            return Candidate(name, len(self._leaks(name)))
        if not self.told.any():
            return candidates[0]
        best, bound = None, np.inf
        for candidate in candidates:
            leak = self._leaks(candidate.finder)[width - 1]
            if leak < WORTHWHILE * bound and self._is_enough(candidate):
                best, bound = candidate, leak
        return best or min(candidates, key=self._loss_in_tolerances)

    def most_noise(self, candidate):
        """Most noise on a candidate's coordinates with which it hardly gets worse."""
        if not self.told.any():
            return NOISES[0]
        loss = self._loss_in_tolerances(candidate)
        # What is lost altogether stays within the tolerance, if it was.
        allowed = min(loss + NOISE_COST, max(loss + LEAST_COST, 1.0))
        for noise in NOISES:
            if self._loss_in_tolerances(candidate._replace(noise=noise)) <= allowed:
                return noise
        return 0.0

    def alternatives(self, candidate):
        """Candidates that may lose less, but leak more: least leak first."""
        loss = self._loss_in_tolerances(candidate)
        tried = [
            other
            for other in self.trials
            if other not in (candidate, self._everything)
            and other.noise == 0.0
            and self._loss_in_tolerances(other) < loss
        ]
        wider = [
            Candidate(name, width)
            for name in {candidate.finder: None, **dict.fromkeys(UNIONS)}
            if name in self._names
            for width in self._widths(name)
            if width > candidate.width
        ]
        leak = self.linear_leak(candidate)
        found = [c for c in dict.fromkeys(tried + wider) if self.linear_leak(c) > leak]
        return sorted(found, key=self.linear_leak)

    def was_enough(self, candidate):
        """Whether a candidate was tried, and loses no more than is tolerated."""
        return candidate in self.trials and self._is_enough(candidate)

    def linear_leak(self, candidate):
        """Share of the variance that a candidate's directions determine linearly."""
        if candidate.finder == ALL_FEATURES:
            return 1.0
        return float(self._leaks(candidate.finder)[candidate.width - 1])

    def worst_metric(self, candidate):
        """The metric that loses most of its tolerance.

        Returns
        -------
        metric : Metric
        score, reference : float
            What the candidate and all features get.
        """
        whole = self.trials[self._everything].means
        if candidate not in self.trials or not self.told.any():
            return self.metrics[0], float(whole[0]), float(whole[0])
        loss, _ = self._loss(candidate)
        worst = int(np.argmax(np.where(self.told, loss / self.tolerances, -np.inf)))
        reference = float(whole[worst])
        return self.metrics[worst], reference - float(loss[worst]), reference

    def probe_scores(self, chosen):
        """What was tried, all features first.

        Parameters
        ----------
        chosen : Candidate

        Returns
        -------
        scores : list of ProbeScore
        """
        trials = self.trials.items()
        return [
            self._probe_score(candidate, trial)._replace(chosen=candidate == chosen)
            for candidate, trial in trials
            if candidate.noise == 0.0
        ]

    @cached_property
    def reference(self):
        """Scores of all features by the best probe: (n_test, n_metrics) per fold."""
        self._ask_all_features([(0, kind) for kind in PROBES])
        kinds = self._good_kinds(self._everything)
        others = range(1, len(self.folds))
        self._ask_all_features([(fold, kind) for fold in others for kind in kinds])
        best = self._best(self._everything, len(self.folds))
        none = np.zeros(len(self.metrics))
        self.trials[self._everything] = Trial(
            _row_means(best, self.folds).mean(axis=0), none, none, len(self.folds)
        )
        return best

    @cached_property
    def bar(self):
        """Scores that are to be reached: those of all features, or better ones."""
        return self.reference

    @cached_property
    def told(self):
        """Mask of the metrics by which all features are better than guessing."""
        rows = _row_means(self.reference, self.folds)
        chance = np.array([metric.chance for metric in self.metrics])
        error = rows.std(axis=0) / np.sqrt(len(rows))
        return rows.mean(axis=0) - CLEARLY * error > chance

    def _scout(self):
        """Raise the bar where a few directions do much better than all features."""
        spanned = self.sample.target.n_directions(self.sample.X.shape[1])
        for name in SCOUTS:
            candidate = Candidate(name, spanned + SCOUT_WIDTH)
            if candidate.width > min(len(self._leaks(name)), self.most):
                continue
            self._ask(candidate, 0, {PROBES[0], *self._best_kinds(self._everything, 1)})
            if self._betters(self._trial(candidate, 1), CLEARLY):
                self._raise_bar(candidate)

    def _raise_bar(self, candidate):
        """Make a candidate that beats all features the bar for others."""
        if not self._betters(self._try(candidate), 1.0):
            return
        self.bar = self._best(candidate, len(self.folds))
        for tried, trial in self.trials.items():
            self.trials[tried] = self._trial(tried, trial.n_folds)

    def _is_behind(self, found, best):
        """Whether what leaks less keeps too much less than what it would replace.

        Both keep as much as all features, but one may keep more.
        """
        if best is None:
            return False
        lost = self.trials[best].means - self.trials[found].means
        return bool((lost > self.tolerances)[self.told].any())

    def _betters(self, trial, errors):
        """Whether a metric is better than the bar by more than the tolerance."""
        gain = (-trial.loss - errors * trial.error)[self.told]
        return bool((gain > self.tolerances[self.told]).any() and (gain > 0).all())

    def _ascend(self, name, widths):
        """The smallest width that is enough, and beyond which little is gained.

        All features have more noise about them than a few directions, which more rows
        would overcome: where the next width gains much, it will be missed.
        """
        losses, i = [], 0
        while i < len(widths):
            if self._is_enough(Candidate(name, widths[i])):
                wider = widths[i + 1 : i + 2]
                if not wider or not self._gains(name, widths[i], wider[0]):
                    # Perhaps one before that was left out.
                    return self._descend(name, widths[: i + 1])
            losses.append(self._loss_in_tolerances(Candidate(name, widths[i])))
            before = min(losses[:-PLATEAU], default=np.inf)
            if min(losses[-PLATEAU:]) > before - PROGRESS:
                return None
            i += 2 if losses[-1] > FAR else 1
        return None

    def _descend(self, name, widths):
        """The smallest width that is enough, if the largest is."""
        found = None
        for width in reversed(widths):
            if not self._is_enough(Candidate(name, width)):
                break
            found = Candidate(name, width)
        return found

    def _least_leak(self):
        one = [Candidate(name, 1) for name in self._names if name not in UNIONS]
        return min(one, key=lambda candidate: self._leaks(candidate.finder)[0])

    def _nearly_enough(self):
        """The candidate of which it is surest that little is lost, or all features."""
        tried = [c for c in self.trials if c != self._everything]
        tried = tried or [Candidate(self._names[0], 1)]
        best = min(tried, key=lambda c: self._loss_in_tolerances(c, errors=1.0))
        may_take_all = self.most >= self._everything.width
        if may_take_all and self._loss_in_tolerances(best) > PATIENCE:
            return self._everything
        return best

    def _widths(self, name):
        spanned = self.sample.target.n_directions(self.sample.X.shape[1])
        most = min(len(self._leaks(name)), self.most, self.sample.X.shape[1] - 1)
        least = spanned + 1 if name in UNIONS else 1
        return sorted(w for w in {spanned, *WIDTHS} if least <= w <= most)

    def _leaks(self, name):
        shared = self.samples[0].shared
        if ("leaks", name) not in shared:
            found = find(name, self.samples[0], WIDTHS[-1])
            shared["leaks", name] = linear_leaks(self.samples[0].X, found.vectors)
        return shared["leaks", name]

    def _gains(self, name, width, wider):
        """Whether a wider candidate loses less by more than the tolerance."""
        more = self._loss_in_tolerances(Candidate(name, wider), errors=1.0)
        return more < self._loss_in_tolerances(Candidate(name, width)) - 1.0

    def _is_enough(self, candidate):
        trial = self._try(candidate)
        error = np.minimum(trial.error, MOST_ERROR * self.tolerances)
        return bool((trial.loss + error <= self.tolerances)[self.told].all())

    def _loss_in_tolerances(self, candidate, errors=0.0):
        """The largest loss of any metric, with `errors` standard errors added."""
        trial = self._try(candidate)
        loss = (trial.loss + errors * trial.error) / self.tolerances
        return float(loss[self.told].max())

    def _try(self, candidate):
        """Score a candidate on as many folds, by as many kinds of probes, as needed."""
        if candidate not in self.trials:
            self._ask_until_clear(candidate)
            self.trials[candidate] = self._trial(candidate, 1)
            for fold in range(1, len(self.folds)):
                if self._loss_in_tolerances(candidate, -SURELY) > 1.0:
                    return self.trials[candidate]
                self._ask(candidate, fold, self._best_kinds(candidate, fold))
                self.trials[candidate] = self._trial(candidate, fold + 1)
            if not self._is_enough(candidate):
                # Little decides: all good kinds on all folds, as with all features.
                self._ask(candidate, 0, PROBES)
                for fold in range(1, len(self.folds)):
                    self._ask(candidate, fold, self._good_kinds(candidate))
                self.trials[candidate] = self._trial(candidate, len(self.folds))
        return self.trials[candidate]

    def _ask_until_clear(self, candidate):
        """Ask kinds of probes on the first fold until more would not matter."""
        if candidate.width <= MOST_GLANCED:
            self._ask(candidate, 0, GLANCES)
            loss, error = self._told_loss(candidate)
            if (loss - CLEARLY * error > SURELY_HOPELESS).any():
                return
        for kind in PROBES:
            self._ask(candidate, 0, [kind])
            loss, error = self._told_loss(candidate)
            if (loss <= SETTLED).all():
                return
            if kind != PROBES[0] and (loss - CLEARLY * error > HOPELESS).any():
                return

    def _told_loss(self, candidate):
        """Losses on the first fold and their errors, in tolerances, of what tells."""
        trial, told = self._trial(candidate, 1), self.told
        tolerances = self.tolerances[told]
        return trial.loss[told] / tolerances, trial.error[told] / tolerances

    def _ask_all_features(self, questions):
        """Ask kinds of probes on folds, each a pair of fold and kind."""
        self._in_threads(
            lambda question: self._ask(self._everything, question[0], [question[1]]),
            questions,
        )

    def _in_threads(self, function, items):
        if self.n_threads == 1:
            for item in items:
                function(item)
            return
        # OpenMP's number of threads is a thread's own.
        start = partial(threadpool_limits, 1, "openmp")
        with ThreadPoolExecutor(self.n_threads, initializer=start) as pool:
            list(pool.map(function, items))

    def _ask(self, candidate, fold, kinds):
        """Scores of kinds of probes on one fold, from the store if they are there."""
        if (candidate, fold) not in self._asked:
            # Finders that agree on columns are asked once.
            name = self._columns(candidate, fold) or candidate
            self._asked[candidate, fold] = self._asked.setdefault((name, fold), {})
        asked = self._asked[candidate, fold]
        train, test = self.folds[fold]
        for kind in kinds:
            if kind not in asked:
                S = self._coordinates(candidate, fold, kind)
                asked[kind] = probe_rows(kind, self.sample.target, S, train, test)
        return asked

    def _coordinates(self, candidate, fold, kind):
        """What one kind of probe learns from."""
        known = self.samples[fold]
        if candidate == self._everything:
            return features_for(kind, self.sample.X, known)
        if candidate not in known.shared:
            found = self._found(candidate, fold)
            directions = scaled_directions(known.X, known.target, found)
            S = self.sample.X @ directions @ _turn(found.by_column)
            draws = np.random.RandomState(0).standard_normal(S.shape)
            known.shared[candidate] = S + candidate.noise * draws
        return known.shared[candidate]

    def _columns(self, candidate, fold):
        """The columns of a candidate that is nothing but columns, and its noise."""
        if candidate == self._everything or candidate.finder not in BY_COLUMN:
            return None
        found = self._found(candidate, fold)
        if not found.by_column.all():
            return None
        return frozenset(np.flatnonzero(found.vectors.any(axis=1))), candidate.noise

    def _found(self, candidate, fold):
        shared, name = self.samples[fold].shared, candidate._replace(noise=0.0)
        if ("directions", name) not in shared:
            shared["directions", name] = found_by(name, self.samples[fold])
        return shared["directions", name]

    def _good_kinds(self, candidate):
        """Kinds of probes that are near the best on the first fold by any metric."""
        first = self._asked[candidate, 0]
        means = np.array([first[kind].mean(axis=0) for kind in PROBES])
        good = (means >= means.max(axis=0) - NEARLY * self.tolerances).any(axis=1)
        return [kind for kind, is_good in zip(PROBES, good, strict=True) if is_good]

    def _best_kinds(self, candidate, n_folds):
        """The best kind of probe by each metric."""
        asked = [self._asked[candidate, fold] for fold in range(n_folds)]
        kinds = [kind for kind in PROBES if all(kind in scores for scores in asked)]
        means = [
            np.mean([scores[kind].mean(axis=0) for scores in asked], axis=0)
            for kind in kinds
        ]
        return [kinds[best] for best in np.argmax(means, axis=0)]

    def _best(self, candidate, n_folds):
        """Scores by the best kind of probe by each metric, fold by fold."""
        kinds = self._best_kinds(candidate, n_folds)
        asked = [self._asked[candidate, fold] for fold in range(n_folds)]
        return [
            np.column_stack([scores[kind][:, i] for i, kind in enumerate(kinds)])
            for scores in asked
        ]

    def _trial(self, candidate, n_folds):
        best = self._best(candidate, n_folds)
        differences = [a - b for a, b in zip(self.bar, best, strict=False)]
        rows = _row_means(differences, self.folds)
        return Trial(
            _row_means(best, self.folds).mean(axis=0),
            rows.mean(axis=0),
            rows.std(axis=0) / np.sqrt(len(rows)),
            n_folds,
        )

    def _loss(self, candidate):
        """Losses against all features, and their standard errors."""
        best = self._best(candidate, self.trials[candidate].n_folds)
        differences = [a - b for a, b in zip(self.reference, best, strict=False)]
        rows = _row_means(differences, self.folds)
        return rows.mean(axis=0), rows.std(axis=0) / np.sqrt(len(rows))

    def _probe_score(self, candidate, trial):
        loss, error = self._loss(candidate)
        worst = np.argmax(loss / self.tolerances)
        is_numeric = self.sample.target.is_numeric
        return ProbeScore(
            candidate.finder,
            candidate.width,
            score=float(trial.means[:: 1 if is_numeric else 2].mean()),
            roc_auc=None if is_numeric else float(trial.means[1::2].mean()),
            loss=float(loss[worst]),
            error=float(error[worst]),
            leak=self.linear_leak(candidate),
            n_folds=trial.n_folds,
        )


def found_by(candidate, sample):
    """The directions of a candidate, as many as there are on a sample."""
    if candidate.finder == ALL_FEATURES:
        n = sample.X.shape[1]
        return Found(np.eye(n), np.ones(n, dtype=bool))
    found = find(candidate.finder, sample, candidate.width)
    return completed(found, sample, candidate.width)


def _folds(target):
    n_rows = len(target.outputs)
    small = n_rows < SMALL_ROWS
    n_splits = SMALL_FOLDS if small else LARGE_FOLDS
    repeats = 1
    if small:
        repeats = int(np.clip(np.ceil(REPEATED_ROWS / n_rows), 1, MOST_REPEATS))
    kind = KFold if target.is_numeric else StratifiedKFold
    folds = [
        fold
        for repeat in range(repeats)
        for fold in kind(n_splits, shuffle=True, random_state=repeat).split(
            np.zeros(n_rows), target.strata()
        )
    ]
    enough = -(-HELD_OUT_ROWS * LARGE_FOLDS // n_rows)
    return folds if small else folds[: max(enough, FEWEST_FOLDS)]


def _row_means(scores, folds):
    """Each row's mean over the folds that held it out; rows never held out left out."""
    n_rows = max(test.max() for _, test in folds) + 1
    sums, counts = np.zeros((n_rows, scores[0].shape[1])), np.zeros(n_rows)
    for part, (_, test) in zip(scores, folds, strict=False):
        sums[test] += part
        counts[test] += 1
    return sums[counts > 0] / counts[counts > 0, None]


def _turn(by_column):
    """A rotation of the coordinates that are not columns: what trees will not undo."""
    turn = np.eye(len(by_column))
    free = np.flatnonzero(~by_column)
    if len(free) > 1:
        draws = np.random.RandomState(0).standard_normal((len(free), len(free)))
        turn[np.ix_(free, free)] = np.linalg.qr(draws)[0]
    return turn
