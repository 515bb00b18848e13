import pytest

from owners import curved, plans_of, shares
from sklearn_homeo import SummaryPlan


@pytest.fixture(scope="session")
def rounds():
    X, y = curved()
    plan = SummaryPlan(5, [0, 1], n_random_features=24)
    return plans_of(plan, shares(X, y))
