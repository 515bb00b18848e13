"""The last round: how many rows of which label lie in which cell."""

from dataclasses import dataclass

import numpy as np

from sklearn_homeo.encryption.label_space.carriers import on_grid
from sklearn_homeo.encryption.label_space.cells import Cells
from sklearn_homeo.encryption.label_space.classifiers import SCORE_STEP
from sklearn_homeo.encryption.label_space.regions import (
    PROBABILITY_BITS,
    centred_logarithms,
    labels_of_sums,
    predicted_of_sums,
)
from sklearn_homeo.encryption.label_space.trials import (
    TOLERANCES,
    CellChoice,
    Trial,
    by_measure,
    surely_better,
)
from sklearn_homeo.encryption.summaries import families
from sklearn_homeo.encryption.summaries.scores import regions_of
from sklearn_homeo.encryption.summaries.sums import FOLDS

__all__ = ["choose", "sensitivities", "sums"]

# Levels of a probability's square root, for the area under the ROC curve.
_N_LEVELS = 128
_NOISE_DEVIATIONS = 3.0


def sums(plan, rows):
    """Return tables of cells and labels, and how well uncut scores tell the labels.

    Parameters
    ----------
    plan : SummaryPlan
    rows : OwnRows

    Returns
    -------
    sums : dict of str to ndarray, dtype int64
        ``family/what`` of scores, ``family/cells/what`` of each way to cut them.
    """
    u, targets = rows.lattice_rows(plan), rows.targets(plan)
    found = {}
    for name, family in plan.known["families"].items():
        scores = [one.scores(u) for one in families.scorers_of(family)]
        left_out = families.left_out_scores(scores, rows.folds)
        regions = regions_of(plan, family)
        predicted = regions[0].predictions(left_out)
        own = _Tables(plan, rows, targets, left_out, predicted)
        found.update({f"{name}/{k}": v for k, v in own.of_scores().items()})
        for i, one in enumerate(regions):
            tables = own.of_cells(one, scores)
            found.update({f"{name}/{i}/{k}": v for k, v in tables.items()})
    return found


def sensitivities(plan):
    """Return how much sums can change with one row, in the Euclidean norm.

    A row of the same class can lie in another cell: it is taken from one entry and
    added to another, in every column that counts it.
    """
    found, n_labels = {}, plan.n_outputs
    moved = np.sqrt(2.0 * (1 + n_labels))
    for name, family in plan.known["families"].items():
        found[f"{name}/hits"] = np.sqrt(n_labels)
        found[f"{name}/levels"] = np.sqrt(2.0 * sum(plan.sizes))
        for i in range(len(family["regions"])):
            # All scores but those that never saw the row cut it.
            found[f"{name}/{i}/inside"] = moved * np.sqrt(FOLDS - 1)
            found[f"{name}/{i}/outside"] = found[f"{name}/{i}/all"] = moved
            # The probabilities of an output have a norm of 1 at most.
            most = 2.0**PROBABILITY_BITS
            found[f"{name}/{i}/predicted"] = most * np.sqrt(2.0 * n_labels)
    return found


@dataclass(frozen=True, eq=False, repr=False)
class _Tables:
    plan: object
    rows: object
    targets: np.ndarray
    left_out: np.ndarray
    predicted: np.ndarray

    def of_scores(self):
        """What tells how good left-out scores are before they are cut."""
        folds, targets = self.rows.folds, self.targets
        if self.plan.sizes is None:
            units = round(self.plan.target_step / SCORE_STEP)
            squares = (self.left_out - targets * units) ** 2
            return {"squares": _by_group(folds, FOLDS, squares)}
        roots = np.sqrt(self.predicted * 2.0**-PROBABILITY_BITS)
        levels = np.minimum((roots * _N_LEVELS).astype(np.int64), _N_LEVELS - 1)
        hits, areas = [], []
        for j, one in enumerate(targets.T):
            place = (folds * _N_LEVELS + levels[:, j]) * 2 + one.astype(np.int64)
            areas.append(np.bincount(place, minlength=FOLDS * _N_LEVELS * 2))
        for block in self.plan.blocks:
            likeliest = self.left_out[:, block].argmax(axis=1)[:, None]
            hits.append(likeliest == np.arange(block.stop - block.start))
        hits = np.hstack(hits) * targets
        return {
            "hits": _by_group(folds, FOLDS, hits),
            "levels": np.stack(areas).reshape(-1, FOLDS, _N_LEVELS, 2),
        }

    def of_cells(self, regions, scores):
        """Rows and labels in the cells, inside and outside of what was fitted."""
        folds, n_cells = self.rows.folds, regions.n_cells
        ones = np.ones((len(folds), 1))
        squares = self.targets**2 if self.plan.sizes is None else ones[:, :0]
        columns = np.hstack([ones, self.targets, squares])
        outside = regions.index(self.left_out)
        inside = np.zeros((FOLDS, n_cells, columns.shape[1]), np.int64)
        for fold in range(FOLDS):
            others = folds != fold
            index = regions.index(scores[fold][others])
            inside[fold] = _by_group(index, n_cells, columns[others])
        place, n_places = folds * n_cells + outside, FOLDS * n_cells
        shape = (FOLDS, n_cells, -1)
        return {
            "inside": inside,
            "outside": _by_group(place, n_places, columns).reshape(shape),
            "predicted": _by_group(place, n_places, self.predicted).reshape(shape),
            "all": _by_group(regions.index(scores[FOLDS]), n_cells, columns),
        }


def _by_group(groups, n_groups, values):
    """Sums of integer columns by group, of shape (n_groups, n_columns), int64."""
    found = np.zeros((n_groups, values.shape[1]), np.int64)
    np.add.at(found, groups, values.astype(np.int64))
    return found


def choose(plan, totals, min_cell_size):
    """Take the fewest cells that keep the label, of the family that keeps most.

    As in one owner's fit: enough are those that lose no more than the tolerances
    against the best scores before they were cut, one standard error included. Those of
    linear scores are taken before others, unless the others' scores are surely better.

    Parameters
    ----------
    plan : SummaryPlan
    totals : dict of str to ndarray
        Sums over all owners.
    min_cell_size : int

    Returns
    -------
    choice : CellChoice
    smallest : int
        Rows of the smallest cell.
    """
    bench = _Bench(plan, totals, min_cell_size)
    attempts = bench.attempts()
    enough = [one for one in attempts if one.trial.excess <= 1.0]
    if enough and plan.n_cells == "auto":
        tried = [one for one in enough if one.family in bench.first] or enough
        best = min(tried, key=lambda one: (one.trial.n_cells, one.trial.excess))
    else:
        best = min(attempts, key=lambda one: one.trial.excess)
    cells, smallest = bench.final_cells(best)
    others = [one.trial for one in attempts if one is not best] + bench.references
    return CellChoice(cells, best.trial, others, best in enough), smallest


@dataclass(frozen=True, eq=False)
class _Attempt:
    trial: Trial
    family: str
    place: int
    regions: object


class _Bench:
    """Measures of all families with all numbers of cells, fold by fold."""

    def __init__(self, plan, totals, min_cell_size):
        self.plan, self.totals, self.min_cell_size = plan, totals, min_cell_size
        self.n_outputs = plan.n_outputs if plan.sizes is None else sum(plan.sizes)
        whole = {name: self._of_scores(name) for name in plan.known["families"]}
        worth = {
            name: sum(values.mean() / TOLERANCES[m] for m, values in found.items())
            for name, found in whole.items()
        }
        self.best = whole[max(worth, key=worth.get)]
        self.first = _first(plan.known["families"], whole)
        self.references = [
            Trial.from_folds(f"{name}, uncut", None, found, self.best)
            for name, found in whole.items()
        ]

    def attempts(self):
        return [
            self._attempt(name, i, regions)
            for name, family in self.plan.known["families"].items()
            for i, regions in enumerate(regions_of(self.plan, family))
        ]

    def _attempt(self, name, place, regions):
        tables = self._tables(name, place)
        n_rows, found, numbers = self.plan.known["n_rows"], [], []
        least = self._least(name, place)
        for fold in range(FOLDS):
            inside = tables["inside"][fold]
            sizes = np.maximum(inside[:, 0], 0)
            share = -(-least * sizes.sum() // n_rows)
            merged = regions.with_at_least(int(share), sizes)
            others = [i for i in range(FOLDS) if i != fold]
            predicted = predicted_of_sums(
                merged,
                _counted(merged, tables["predicted"][others].sum(axis=0)),
                _counted(merged, tables["outside"][others].sum(axis=0))[:, 0],
            )
            labels = self._labels(predicted, _counted(merged, inside))
            found.append(
                self._measures(labels, _merged(merged, tables["outside"][fold]))
            )
            numbers.append(merged.n_cells)
        n_cells = int(np.rint(np.mean(numbers)))
        trial = Trial.from_folds(name, n_cells, by_measure(found), self.best)
        return _Attempt(trial, name, place, regions)

    def final_cells(self, attempt):
        """The cells of all rows, and how many rows the smallest has."""
        tables = self._tables(attempt.family, attempt.place)
        least = self._least(attempt.family, attempt.place)
        sizes = np.maximum(tables["all"][:, 0], 0)
        merged = attempt.regions.with_at_least(least, sizes)
        outside = _counted(merged, tables["outside"].sum(axis=0))
        sums = _counted(merged, tables["predicted"].sum(axis=0))
        predicted = predicted_of_sums(merged, sums, outside[:, 0])
        labels = self._labels(predicted, outside)
        if self.plan.sizes is not None:
            labels = centred_logarithms(labels, self.plan.sizes)
        family = self.plan.known["families"][attempt.family]
        scorer = families.scorers_of(family)[FOLDS]
        smallest = int(_merged(merged, sizes).min()) - (least - self.min_cell_size)
        return Cells(scorer, merged, on_grid(labels)), smallest

    def _least(self, name, place):
        """Rows that a cell must count, so that noise seldom hides how few it has."""
        noise = self.plan.noise_of(f"{name}/{place}/all")
        return self.min_cell_size + int(np.ceil(_NOISE_DEVIATIONS * noise))

    def _tables(self, name, place):
        what = ("inside", "outside", "predicted", "all")
        return {one: self.totals[f"{name}/{place}/{one}"] for one in what}

    def _labels(self, predicted, table):
        sums = table[:, 1 : self.n_outputs + 1] * self.plan.target_step
        return labels_of_sums(predicted, sums, table[:, 0])

    def _of_scores(self, name):
        """Measures of scores that are not cut, in every fold."""
        outside = self.totals[f"{name}/0/outside"].sum(axis=1)
        if self.plan.sizes is None:
            squares = self.totals[f"{name}/squares"] * SCORE_STEP**2
            return {"R2": np.mean(1 - squares / self._spread(outside), axis=1)}
        hits, counts = self.totals[f"{name}/hits"], outside[:, 1:]
        levels = self.totals[f"{name}/levels"]
        accuracies, areas = [], []
        for fold in range(FOLDS):
            accuracies.append(self._balanced(hits[fold], counts[fold]))
            by_class = [_area(levels[j, fold]) for j in range(len(levels))]
            areas.append(np.nanmean(by_class))
        return {
            "balanced accuracy": np.array(accuracies),
            "ROC AUC": np.array(areas),
        }

    def _measures(self, labels, table):
        """Measures of cells with known labels, by the rows that lie in them."""
        if self.plan.sizes is None:
            t, step = self.n_outputs, self.plan.target_step
            counts, sums = table[:, :1], table[:, 1 : t + 1] * step
            squares = table[:, t + 1 :] * step**2
            left = (squares - 2 * labels * sums + counts * labels**2).sum(axis=0)
            spread = self._spread(table.sum(axis=0, keepdims=True))[0]
            return {"R2": float(np.mean(1 - left / spread))}
        hits, areas, counts = np.zeros(self.n_outputs), [], table[:, 1:]
        for block in self.plan.blocks:
            likeliest = labels[:, block].argmax(axis=1)
            own = counts[np.arange(len(labels)), block.start + likeliest]
            np.add.at(hits, block.start + likeliest, own)
            for j in range(block.start, block.stop):
                order = np.unique(labels[:, j], return_inverse=True)[1]
                pairs = np.column_stack([table[:, 0] - counts[:, j], counts[:, j]])
                areas.append(_area(_by_group(order, order.max() + 1, pairs)))
        return {
            "balanced accuracy": self._balanced(hits, counts.sum(axis=0)),
            "ROC AUC": float(np.nanmean(areas)),
        }

    def _balanced(self, hits, counts):
        shares = hits / np.where(counts > 0, counts, np.nan)
        return float(np.mean([np.nanmean(shares[block]) for block in self.plan.blocks]))

    def _spread(self, table):
        """Sums of squares around the means of each fold."""
        t, step = self.n_outputs, self.plan.target_step
        means = table[:, 1 : t + 1] / table[:, :1]
        spread = (table[:, t + 1 :] - table[:, :1] * means**2) * step**2
        return np.maximum(spread, 1e-12)


def _first(known, whole):
    """Names of the families to be taken if they are enough."""
    linear = [name for name, family in known.items() if not family["features"]]
    others = [whole[name] for name in known if name not in linear]
    kept = [whole[name] for name in linear]
    if not linear or any(surely_better(one, kept) for one in others):
        return list(known)
    return linear


def _merged(regions, table):
    """Rows of a table of the regions' centres added up by cell."""
    found = np.zeros((regions.n_cells, *table.shape[1:]), table.dtype)
    np.add.at(found, regions.cells, table)
    return found


def _counted(regions, table):
    """The same of counts, which noise makes no less than nothing; numbers may be."""
    found = _merged(regions, table)
    return found if regions.sizes is None else np.maximum(found, 0)


def _area(pairs):
    """Area under the ROC curve of counts of others and own rows, by rising level."""
    others, own = pairs.T.astype(np.float64)
    if others.sum() <= 0 or own.sum() <= 0:
        return np.nan
    below = np.cumsum(others) - others / 2
    return float((own * below).sum() / (own.sum() * others.sum()))
