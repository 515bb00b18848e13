"""Search among finders and widths: what is asked, and how often."""

import numpy as np

from sklearn_homeo.encryption.label_space.sample import LeadingAxes, Sample
from sklearn_homeo.encryption.label_space.search import Candidate, Search
from sklearn_homeo.encryption.label_space.target import Target


def test_finders_that_agree_on_columns_are_asked_once():
    X = np.random.default_rng(0).normal(size=(240, 5))
    target = Target.from_labels(X[:, 2] > 0, False)
    search = Search(Sample(X, LeadingAxes.from_rows(X), target), 5)
    names = ["gradient columns", "boosting columns", "forest columns"]
    asked = [search._ask(Candidate(name, 1), 0, ["linear"]) for name in names]
    assert asked[0] is asked[1] is asked[2]
    noisy = search._ask(Candidate(names[0], 1, 0.1), 0, ["linear"])
    assert noisy is not asked[0]
