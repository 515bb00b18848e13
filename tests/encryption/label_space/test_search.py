"""Search among finders and widths: what is asked, and how often."""

import numpy as np
from sklearn.datasets import load_iris

from sklearn_homeo.encryption.label_space.sample import LeadingAxes, Sample
from sklearn_homeo.encryption.label_space.search import Candidate, Search, Trial
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


def test_what_leaks_less_replaces_only_what_it_is_not_far_behind():
    X, y = load_iris(return_X_y=True)
    target = Target.from_labels(y, False)
    search = Search(Sample(X - X.mean(axis=0), LeadingAxes.from_rows(X), target), 4)
    first, second = Candidate("linear", 2), Candidate("directional", 1)
    assert not search._is_behind(second, None)
    for lost, is_behind in [(0.009, False), (0.011, True)]:
        for candidate, means in [(first, [0.95, 0.99]), (second, [0.95 - lost, 0.995])]:
            search.trials[candidate] = Trial(np.array(means), None, None, 3)
        assert search._is_behind(second, first) == is_behind
        assert not search._is_behind(first, second)
