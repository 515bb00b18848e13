"""How many directions to preserve, and what the preserved ones give away."""

import numpy as np
from sklearn.model_selection import train_test_split

from sklearn_homeo.encryption.label_space.directions import (
    curved_directions,
    label_mixing,
    linear_directions,
)
from sklearn_homeo.encryption.label_space.leak import (
    explained_variance_ratio,
    repeated_rows_share,
)

__all__ = [
    "choose_directions",
    "choose_finder",
    "explained_variance_ratio",
    "repeated_rows_share",
]

PROBE_ROWS = 2000


def choose_directions(U, axes, target, n_features, finders):
    """Fewest directions whose cross-validated accuracy is that of all features.

    Probes (RBF support vectors and nearest neighbours) learn from the preserved
    coordinates and, for comparison, from all features and from as many directions
    as the label spans; directions are found anew in each training fold. A width is
    enough if it loses against the better of the two no more than half a percentage
    point of accuracy (0.02 of a number's variance) or one standard error of the
    paired difference, whichever is larger. If no width is enough, twice and then
    four times that loss is allowed, before everything is preserved and nothing
    protected. As many directions as the label spans are tried by each finder in turn,
    and where that is not enough, more by the last one and curved ones.

    Parameters
    ----------
    U : ndarray of shape (n_samples, n_axes)
    axes : PrincipalAxes
    target : Target
    n_features : int
    finders : list of callables
        `linear_directions`, `sparing_directions` or both.

    Returns
    -------
    n_preserved : int
        Equal to ``n_features`` if no smaller width is enough.
    find : callable
        One of those or `curved_directions`.
    """
    n_first = target.n_directions(U.shape[1])
    U, target = _probe_rows(U, target)
    if target.is_trivial():
        return min(n_first, n_features), finders[0]
    probe = _WidthProbe(U, axes, target)
    reference = max(
        probe.all_features(), probe(linear_directions, n_first), key=np.mean
    )
    widths = _ladder(n_first, min(U.shape[1], n_features - 1))
    for patience in (1.0, 2.0, 4.0):
        tolerance = patience * target.tolerance()
        for width, finder in _candidates(
            probe, finders, widths, n_first, reference, tolerance
        ):
            if _is_enough(probe(finder, width), reference, tolerance):
                return width, finder
    return n_features, finders[-1]


def choose_finder(U, axes, target, width, finders):
    """First finder whose directions, that many, tell the label as well as the last's.

    The last one's if there are more directions than the label spans: they tell more
    than the label anyway. Parameters are those of `choose_directions`.
    """
    last = finders[-1]
    if len(finders) == 1 or width > target.n_directions(U.shape[1]):
        return last
    U, target = _probe_rows(U, target)
    if target.is_trivial():
        return finders[0]
    probe = _WidthProbe(U, axes, target)
    reference, tolerance = probe(last, width), target.tolerance()
    return next(
        find for find in finders if _is_enough(probe(find, width), reference, tolerance)
    )


def _candidates(probe, finders, widths, n_first, reference, tolerance):
    """Yield widths and finders of directions, smallest widths first."""
    for find in finders if n_first in widths else []:
        if _is_enough(probe(find, n_first), reference, tolerance):
            yield from ((width, find) for width in widths if width <= n_first)
            return
    for width in widths:
        yield width, finders[-1]
        yield width, curved_directions


def _is_enough(score, reference, tolerance):
    loss = reference - score
    error = loss.std() / np.sqrt(len(loss))
    return loss.mean() <= max(tolerance, error)


class _WidthProbe:
    """Scores of held-out rows with only the first directions preserved."""

    def __init__(self, U, axes, target):
        self.U, self.axes, self.target = U, axes, target
        self.folds = list(target.folds().split(U, target.strata()))
        self.found = {}
        self.scores = {}

    def all_features(self):
        """Scores with everything preserved."""
        return np.concatenate(
            [self.target.probe(self.U[a], self.U[b], a, b) for a, b in self.folds]
        )

    def __call__(self, find, width):
        """Scores with the first ``width`` directions of ``find``."""
        if (find, width) not in self.scores:
            directions = self._directions(find, width)
            parts = [
                self._probe(columns[:, :width], *fold)
                for columns, fold in zip(directions, self.folds, strict=True)
            ]
            self.scores[find, width] = np.concatenate(parts)
        return self.scores[find, width]

    def _directions(self, find, width):
        found = self.found.get(find)
        if found is None or found[0].shape[1] < width:
            # Once more than the first are wanted, all cost no more than some.
            wanted = width if found is None else self.U.shape[1]
            self.found[find] = [
                find(self.U[a], self.axes, self.target.take(a), wanted)
                for a, _ in self.folds
            ]
        return self.found[find]

    def _probe(self, directions, train, test):
        S = (self.U * self.axes.gains) @ directions
        S = S @ label_mixing(S[train], self.target.take(train))
        return self.target.probe(S[train], S[test], train, test)


def _ladder(n_first, most):
    """Widths to try, smallest first."""
    steps = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384]
    steps += range(512, most, 256)
    return sorted(width for width in {n_first, *steps} if width <= most)


def _probe_rows(U, target):
    """Rows to probe with: not too many, no class too rare for each fold."""
    common = target.common_rows()
    if not common.all():
        U, target = U[common], target.take(common).recoded()
    if len(U) <= PROBE_ROWS:
        return U, target
    strata = target.strata()
    rows, _ = train_test_split(
        np.arange(len(U)),
        train_size=PROBE_ROWS,
        random_state=0,
        stratify=strata if np.bincount(strata).min() > 1 else None,
    )
    return U[rows], target.take(rows)
