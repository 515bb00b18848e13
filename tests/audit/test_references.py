"""What attacks are compared with: the label's floor, and bounds that none exceeds."""

import numpy as np
import pytest
from attacked import features
from sklearn.utils import Bunch

from problems import KEY, OTHER
from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.audit import (
    attribute_inference_attack,
    clopper_pearson,
    forward_linkage_attack,
    hidden_attribute,
    linkability_attack,
    privacy_audit,
    ridge_attack,
    unordered_matching_attack,
)
from sklearn_homeo.audit._audit import _numbers, make_scenarios
from sklearn_homeo.audit._references import (
    attribute_bound,
    best_linking,
    cell_linkability,
    find_references,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_homeo.exceptions.LossOfAccuracyWarning",
    "ignore::sklearn_homeo.exceptions.LeakageWarning",
)


def scenarios_of(encryptors, X, y, leak=0.8):
    ciphertexts = [one.transform(X) for one in encryptors]
    seeds = range(len(encryptors))
    return make_scenarios(ciphertexts, seeds, {"X": X, "y": y, "leak": leak})


@pytest.fixture(scope="module")
def at_cells():
    X, y = features(400)
    encryptor = HomeomorphicEncryptor(leakage="cells", n_cells=4, key=KEY).fit(X, y)
    return encryptor, X, y


def test_floors_are_what_the_label_alone_gives(at_cells):
    encryptor, X, y = at_cells
    references = find_references([encryptor], scenarios_of([encryptor], X, y))
    assert references.floors["T4"] == 2 / 80
    assert references.floors["T2"] == 2 / 400
    assert references.floors["T5"] == 0.5
    assert 0 < references.r2_floor < references.r2_leaked + 0.1
    # Without labels the floor is chance.
    unlabelled = find_references([encryptor], scenarios_of([encryptor], X, None))
    assert unlabelled.floors["T4"] == 1 / 80
    assert unlabelled.r2_floor == pytest.approx(0, abs=0.05)


def test_cells_bound_linking_by_their_number(at_cells):
    encryptor, X, y = at_cells
    references = find_references([encryptor], scenarios_of([encryptor], X, y))
    assert references.bounds["T4"] <= encryptor.n_cells_ / 80
    # Cells and public classes together.
    assert references.bounds["T2"] <= 2 * encryptor.n_cells_ / 400


def test_references_are_of_the_rows_that_attackers_took(at_cells):
    encryptor, X, y = at_cells
    scenarios = scenarios_of([encryptor], X, y)
    whole = find_references([encryptor], scenarios)
    rows = [
        {"tier": tier, "n": n, "measure": "re-id"}
        for tier, n in (("T0", 100), ("T2", 50), ("T3", 200))
    ]
    part = find_references([encryptor], scenarios, rows)
    assert part.floors["T2"] == 2 / 50 and part.floors["T3"] == 2 / 200
    assert part.floors["T0"] == pytest.approx(4 * whole.floors["T0"], rel=0.1)
    assert part.bounds["T2"] == pytest.approx(8 * whole.bounds["T2"], rel=0.2)
    assert part.bounds["T3"] == pytest.approx(2 * whole.bounds["T3"], rel=0.1)
    assert part.bounds["T4"] == whole.bounds["T4"]


def test_the_audit_tells_which_rows_were_taken(monkeypatch):
    X, y = features(80)
    told = []

    def references(encryptors, scenarios, rows, numbers):
        told.extend(rows)
        return find_references(encryptors, scenarios, rows, numbers)

    monkeypatch.setattr("sklearn_homeo.audit._audit.find_references", references)
    encryptor = HomeomorphicEncryptor(leakage="cells", n_cells=2, key=KEY)
    report = privacy_audit(encryptor, X, y, attacks=["T2"], n_keys=1, random_state=0)
    assert told == report.rows


@pytest.mark.parametrize("attack", [ridge_attack, forward_linkage_attack])
def test_no_attack_exceeds_the_bound(at_cells, attack):
    encryptor, X, y = at_cells
    scenarios = scenarios_of([encryptor] * 5, X, y)
    hits, n, bounds = 0, 0, []
    for scenario in scenarios:
        known, hidden = scenario.split()
        Z = scenario.Z
        found = attack(Z[known], X[known], Z[hidden], X[hidden], random_state=0)
        hits, n = hits + found.hits, n + found.n
        bounds.append(best_linking(encryptor, X[hidden]))
    assert clopper_pearson(hits, n, 0.998)[0] <= np.mean(bounds)


def test_cells_bound_what_links_two_keys(at_cells):
    encryptor, X, y = at_cells
    scenario = scenarios_of([encryptor], X, y)[0]
    other = encryptor.rekey(OTHER, keep_view=False).transform(X)
    linked = linkability_attack(scenario.Z, other, y, max_rows=200, random_state=0)
    matched = unordered_matching_attack(
        scenario.Z, other, y, max_rows=100, random_state=0
    )
    rows = [
        {"tier": "T2b", "measure": found.measure, "n": found.n}
        for found in (linked, matched)
    ]
    references = find_references([encryptor], [scenario], rows)
    bound = references.linkability
    assert bound == cell_linkability(encryptor, scenario, 200)
    assert 0 < linked.interval[0] <= bound < 1
    assert references.floors["T2b"] == 2 / 100
    # As many records as there are cells of the classes, and the attack finds them.
    assert references.bounds["T2b"] <= 2 * encryptor.n_cells_ / 100
    assert clopper_pearson(matched.hits, matched.n)[0] <= references.bounds["T2b"]
    assert matched.rate > references.floors["T2b"]


def test_linkability_of_cells_by_hand():
    # A class in two equal cells, another in one cell: (1 - 1/2) / (1 + 1/2), and 0.
    X, y = np.array([[0.0], [0], [1], [1], [2], [2]]), np.repeat([0, 1], [4, 2])
    identity = Bunch(preserve=lambda rows: rows)
    scenario = Bunch(X=X, y=y, seed=0)
    assert cell_linkability(identity, scenario) == pytest.approx(4 / 6 / 3)


def test_cells_bound_attributes(at_cells):
    encryptor, X, y = at_cells
    scenarios = scenarios_of([encryptor], X, y)
    rows = [
        {"tier": "T5", "attack": f"principal component {i}", "measure": "AUC"}
        for i in (1, 2)
    ]
    bound = find_references([encryptor], scenarios, rows).bounds["T5"]
    pairs = [(encryptor, scenarios[0])]
    assert bound == max(attribute_bound(pairs, i) for i in (1, 2))
    assert 0.5 <= bound < 0.8
    for i in (1, 2):
        attribute = hidden_attribute(X, y, component=i)
        found = attribute_inference_attack(scenarios[0].Z, attribute, random_state=0)
        assert found.interval[0] <= attribute_bound(pairs, i)


def test_attributes_of_cells_by_hand():
    # The attribute is the column's sign. Cells tell it for 3 rows of 4: of the 16 pairs
    # of unequal rows 9 are in order, 6 tied, 1 reversed.
    X = np.array([[-4.0], [-3], [-2], [-1], [1], [2], [3], [4]])
    cells = np.array([[0.0], [0], [0], [1], [0], [1], [1], [1]])
    identity = Bunch(preserve=lambda rows: cells)
    bound = attribute_bound([(identity, Bunch(X=X, y=None))], 1)
    assert bound == pytest.approx((9 + 6 / 2) / 16)


def test_a_small_cell_of_one_attribute_adds_its_share_of_the_rows():
    n, r = 40, 6
    X = np.arange(n, dtype=float)[:, None]
    is_inside = X >= n - r
    identity = Bunch(preserve=lambda rows: is_inside.astype(float))
    bound = attribute_bound([(identity, Bunch(X=X, y=None))], 1)
    assert bound == pytest.approx(0.5 + r / n)


def test_transformers_without_a_certificate_have_no_bound():
    X, y = features(100)

    class Nothing:
        pass

    references = find_references(
        [Nothing()], make_scenarios([X], [0], {"X": X, "y": y, "leak": 0.5})
    )
    assert references.bounds == {}
    assert np.isnan(references.r2_leaked)


def test_numbers_have_a_floor_and_good_predictions_a_higher_one():
    X, _ = features(200)
    numbers = X[:, 0] + np.random.default_rng(0).normal(size=200) * X[:, 0].std()
    given = {"X": X, "y": None, "leak": 0.5}
    scenarios = make_scenarios([X], [0], given)
    found = find_references([Bunch()], scenarios, numbers=numbers)
    assert 0 < found.r2_floor < found.r2_prediction
    assert _numbers(HomeomorphicEncryptor(), numbers) is numbers
    assert _numbers(HomeomorphicEncryptor(), X[:, 0] > 0) is None
    assert np.isnan(find_references([Bunch()], scenarios).r2_prediction)
