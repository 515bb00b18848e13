"""Families of scores among which the last round chooses, and the cells they are cut in.

A family has scores that were learnt from all rows, and for every fold scores that were
learnt from the others. Its cells are cut where scores of left-out rows would lie if
they were normal in each class: moments are all that is known of them.
"""

import numpy as np

from sklearn_homeo.encryption.label_space.classifiers import SCORE_STEP
from sklearn_homeo.encryption.label_space.regions import POWERS, Regions

__all__ = ["describe", "regions_of"]

# Rows that are drawn to cut cells among them.
_DRAWN = 4000
FEWEST_NUMBER_CELLS, MOST_NUMBER_CELLS = 8, 64
MOST_CELLS_PER_CLASS = 16
# Drawn rows of a region, at least.
_MIN_ROWS = 10


def describe(plan, kind, scorers, error, moments):
    """Return a family of scores as a tree of plain values.

    Parameters
    ----------
    plan : SummaryPlan
    kind : {"linear", "features"}
    scorers : list of LinearScores or of FeatureScores
        Fold by fold those that never saw it; the last of all rows.
    error : float
        Squared error on the first fold, which was left out.
    moments : ScoreMoments
        Scores of left-out rows, before they are turned into logits.
    """
    matrix, offsets = moments.logits()
    scores = np.rint((moments.draw(_DRAWN) @ matrix + offsets) / SCORE_STEP)
    regions = [
        Regions.from_scores(scores, plan.sizes, n_cells, _MIN_ROWS, power)
        for power in (POWERS if plan.sizes is not None else POWERS[:1])
        for n_cells in _ladder(plan)
    ]
    return {
        "kind": kind,
        "error": error,
        "scorers": [scorer.state() for scorer in scorers],
        "regions": [
            {"power": one.power, "centres": one.centres, "owners": one.owners}
            for one in regions
        ],
    }


def regions_of(plan, family):
    """Return the regions of a family that `describe` described."""
    return [
        Regions.from_centres(one["centres"], one["owners"], plan.sizes, one["power"])
        for one in family["regions"]
    ]


def _ladder(plan):
    """How many cells are tried."""
    if plan.n_cells != "auto":
        return [plan.n_cells]
    if plan.sizes is None:
        fewest, most = FEWEST_NUMBER_CELLS, MOST_NUMBER_CELLS
    else:
        fewest = int(np.prod(plan.sizes)) if len(plan.sizes) < 3 else sum(plan.sizes)
        most = MOST_CELLS_PER_CLASS * fewest
    n_steps = int(np.log2(most / fewest)) + 1
    return [fewest << i for i in range(n_steps)]
