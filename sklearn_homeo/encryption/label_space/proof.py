"""Cells of many rows, proved on others that nothing was fitted to."""

import numpy as np
from scipy.special import entr
from sklearn.model_selection import train_test_split

from sklearn_homeo.encryption.label_space.bench import BOOSTED, NETWORK, certainty_of
from sklearn_homeo.encryption.label_space.cells import cut_cells, merge_small
from sklearn_homeo.encryption.label_space.classifiers import LATTICE_STEP
from sklearn_homeo.encryption.label_space.references import forest_predicts
from sklearn_homeo.encryption.label_space.regions import cell_labels, predicted_labels
from sklearn_homeo.encryption.label_space.trials import (
    Trial,
    by_measure,
    mean_and_error,
)
from sklearn_homeo.encryption.label_space.yardsticks import one_row

__all__ = ["Final", "sample_rows"]

# Families that learn most from more rows than those of the trial.
GAINING = (BOOSTED, NETWORK)

# Rows to which a family is fitted once it is good enough.
FITTED_ROWS = 20_000
# Rows that nothing was fitted to, on which cells are proved where rows are that many.
FEWEST_PROVED_ROWS, FRESH_SHARE, MOST_FRESH_ROWS, N_PARTS = 8000, 0.25, 4000, 5
# Rows that are counted at a time.
COUNTED_ROWS = 8192


def sample_rows(target, n_rows):
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


class Final:
    """Cells of families fitted to all rows, or to a large sample, and their proof."""

    def __init__(self, bench, u, target, trial_rows, min_cell_size):
        self.bench, self.u, self.target = bench, u, target
        self.proves = len(u) >= FEWEST_PROVED_ROWS
        most = len(u)
        if self.proves:
            most -= min(int(FRESH_SHARE * len(u)), MOST_FRESH_ROWS)
        self.rows = sample_rows(target, min(most, FITTED_ROWS))
        self.min_cell_size = min_cell_size
        self.references, self._whole = [], {}
        unseen = np.ones(len(u), dtype=bool)
        unseen[trial_rows] = unseen[self.rows] = False
        fresh = np.flatnonzero(unseen)
        self.fresh = fresh[:: max(len(fresh) // MOST_FRESH_ROWS, 1)][:MOST_FRESH_ROWS]
        self._scorers, self._scores = {}, {}

    def worth_proving(self, rung, n_cells):
        """Attempts that are enough, and of families that gain most by more rows."""
        best = min(rung, key=lambda one: one.trial.excess)
        enough = [one for one in rung if one.trial.excess <= 1.0]
        if n_cells == "auto" and enough:
            best = min(enough, key=lambda one: (one.trial.n_cells, one.trial.excess))
        if enough or self.bench.sees_nothing():
            yield best
        for family in GAINING if self.proves else ():
            others = [one for one in rung if one.family == family and one is not best]
            if others:
                yield min(others, key=lambda one: one.trial.excess)

    def proved(self, attempt):
        """Cells of an attempt, and its trial: on fresh rows, if any are left out."""
        cells = self._cells(attempt)
        if not self.proves:
            return cells, attempt.trial
        return cells, self._proof(cells, attempt)

    def narrowed(self, attempt, cells, proof):
        """As many cells with fewer rows between classes, where these are enough too.

        How many are enough was found with a standard error included. Between two ways
        to cut as many, the mean loss decides: that of the narrower ones need only be
        within the tolerances, because they tell fewer bits.

        Parameters
        ----------
        attempt : Attempt
        cells : Cells
        proof : Trial
            What `proved` gave for the attempt.

        Returns
        -------
        attempt : Attempt
        cells : Cells
        proof : Trial
            Those given, unless narrower ones do.
        """
        given = attempt, cells, proof
        if self.bench.has_no_border(attempt.n_wanted):
            return given
        narrow = self.bench.narrowed(attempt)
        if narrow.trial.mean_excess > 1.0:
            return given
        narrow_cells, narrow_proof = self.proved(narrow)
        if (
            narrow_proof.mean_excess > 1.0
            or narrow_cells.n_cells < cells.n_cells
            or self._entropy(narrow, narrow_cells) >= self._entropy(attempt, cells)
        ):
            return given
        return narrow, narrow_cells, narrow_proof

    def _entropy(self, attempt, cells):
        """Entropy of the cell of a row that nothing was fitted to."""
        counts = cells.regions.counts(self._held_out(attempt.family))
        return float(entr(counts / counts.sum()).sum())

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
        counts = self._counts(cells, attempt.family)
        return merge_small(cells, counts, held_out, bench.outputs, self.min_cell_size)

    def _counts(self, cells, family):
        """Rows of each cell: of all rows, or of as many as show that none is small."""
        counts = cells.regions.counts(self._scores_of(family, "fitted"))
        others = np.delete(np.arange(len(self.u)), self.rows)
        n_parts = -(-len(others) // COUNTED_ROWS)
        for i in range(n_parts):
            if counts.min() >= self.min_cell_size:
                break
            index = cells.index(self.u[others[i::n_parts]])
            counts += np.bincount(index, minlength=cells.n_cells)
        return counts

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
        folds = [certainty_of(fold.inside) for fold in self.bench.scores[family]]
        certainty = certainty_of(self._scores_of(family, "fitted"))
        return np.rint(held_out * (certainty / max(np.mean(folds), 1.0)))

    def _proof(self, cells, attempt):
        """How cells, and models on all features, do on rows that are new to them."""
        regions, family = cells.regions, attempt.family
        held_out = self._held_out(family)
        predictions = regions.predictions(held_out)
        labels = cell_labels(
            predicted_labels(regions, regions.index(held_out), predictions),
            regions.index(self._scores_of(family, "fitted")),
            self.target.outputs[self.rows],
            self.bench.sizes,
        )
        fresh = regions.index(self._scores_of(family, "fresh"))
        kept = self._in_parts(labels[fresh])
        if not self._whole:
            self._whole = self._on_all_features()
            nothing = dict.fromkeys(kept, 0.0)
            self.references = [
                Trial(name, None, _means(parts), nothing, nothing, nothing)
                for name, parts in self._whole.items()
            ]
        losses, sure_losses = {}, {}
        least_error = one_row(self.target.outputs[self.fresh], self.bench.sizes)
        for measure, parts in kept.items():
            best = max((one[measure] for one in self._whole.values()), key=np.mean)
            losses[measure], error = mean_and_error(best - parts)
            sure_losses[measure] = losses[measure] - max(error, least_error)
        return Trial(
            attempt.trial.name, cells.n_cells, _means(kept), losses, losses, sure_losses
        )

    def _in_parts(self, predicted):
        """Measures of what is predicted of the fresh rows, in parts of them."""
        outputs, n_parts = self.target.outputs[self.fresh], N_PARTS
        parts = [
            self.bench.measures(predicted[i::n_parts], outputs[i::n_parts])
            for i in range(n_parts)
        ]
        return by_measure(parts)

    def _on_all_features(self):
        """Measures on fresh rows of models that learnt from the fitted rows."""
        bench, u, outputs = self.bench, self.u, self.target.outputs
        rows, fresh = self.rows, self.fresh
        found = {
            name: self._in_parts(bench.predicted(self._scores_of(name, "fresh")))
            for name in bench.families
            if name in {*GAINING, bench.best_family}
        }
        X, X_fresh = u[rows] * LATTICE_STEP, u[fresh] * LATTICE_STEP
        others = [_means(parts) for parts in found.values()]
        predicted = forest_predicts(
            X, outputs[rows], X_fresh, bench.sizes, outputs[fresh], others
        )
        found["forest"] = self._in_parts(predicted)
        return found


def _means(parts):
    return {name: float(values.mean()) for name, values in parts.items()}
