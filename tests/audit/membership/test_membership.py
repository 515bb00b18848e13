"""Membership attacks: they must find copies, and nothing where nothing is kept."""

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from problems import KEY, OTHER
from sklearn_homeo import ClassConditionalSynthesizer, HomeomorphicEncryptor
from sklearn_homeo.audit import (
    distance_to_records,
    epsilon_lower_bound,
    membership_attack,
)
from sklearn_homeo.audit.membership._scores import (
    ATTACK_SCORES,
    best_of,
    delong_interval,
)

ATTACKS = list(ATTACK_SCORES)


def attack_by(name, *sets, **options):
    found = membership_attack(*sets, attacks=[name], **options)
    return found.attacks[name]


def records(n_samples=600, n_features=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n_samples, n_features))


def thirds(X):
    return np.split(X, 3)


@pytest.mark.parametrize("attack", ATTACKS)
def test_result(attack):
    member, other, reference = thirds(records())
    result = attack_by(attack, member + 0.1, member, other, reference)
    scores = np.append(result.scores_member, result.scores_non_member)
    truth = np.repeat([1, 0], 200)
    # The same, up to the choice of a metric by halves.
    assert result.rate == pytest.approx(roc_auc_score(truth, scores), abs=0.05)
    assert result.interval[0] < result.rate < result.interval[1] or result.rate == 1
    assert result.tpr_interval[0] <= result.tpr <= result.tpr_interval[1]
    assert (result.chance, result.tpr_chance) == (0.5, 0.01)
    assert (result.n_members, result.n) == (200, 400)
    assert result.seconds > 0


def test_the_best_way_is_chosen_on_the_other_half():
    up, down = np.arange(8.0), -np.arange(8.0)
    # Candidates in even places make the one half, those in odd places the other.
    even = np.where(np.arange(8) % 2, 0.0, 9.0)
    pairs = {
        "all": (up + 10, down),
        "even": (even, np.zeros(8)),
    }
    found = best_of(pairs, str, 0.0, "x")
    assert (found.rate, found.choice, found.interval) == (1.0, "all", (1.0, 1.0))
    lucky = {"even": pairs["even"], "odd": (9.0 - even, np.zeros(8))}
    # Each is perfect where it was chosen, and knows nothing where it is measured.
    assert best_of(lucky, str, 0.0, "x").rate == 0.5
    steady = {"one": (up + 0.5, up)}
    whole = best_of(steady, str, 0.0, "x")
    halves = [
        roc_auc_score([1] * 4 + [0] * 4, [*(up[i::2] + 0.5), *up[i::2]]) for i in (0, 1)
    ]
    assert whole.rate == pytest.approx(np.mean(halves))
    assert whole.tpr == 0.25 and whole.best_tpr_choice == "one"


def test_many_ways_to_guess_do_not_beat_chance():
    rng = np.random.default_rng(0)
    rates = []
    for _ in range(60):
        pairs = {i: (rng.normal(size=60), rng.normal(size=60)) for i in range(20)}
        rates.append(best_of(pairs, str, 0.0, "x").rate)
    assert abs(np.mean(rates) - 0.5) < 3 * np.std(rates) / 60**0.5


@pytest.mark.parametrize("attack", ATTACKS[:2] + ATTACKS[4:])
def test_copies_are_found(attack):
    member, other, reference = thirds(records())
    result = attack_by(attack, member, member, other, reference)
    assert result.rate > 0.85 and result.tpr > 0.05


@pytest.mark.parametrize("attack", ATTACKS[2:4])
def test_what_a_full_covariance_keeps_is_found(attack):
    member, other, reference = thirds(records(450, 80))
    rng = np.random.default_rng(1)
    covariance = np.cov(member.T)
    synthetic = rng.multivariate_normal(member.mean(axis=0), covariance, size=2000)
    assert attack_by(attack, synthetic, member, other, reference).rate > 0.57


@pytest.mark.parametrize("attack", ATTACKS)
def test_independent_rows_score_at_chance(attack):
    member, other, reference = thirds(records(1500))
    result = attack_by(attack, records(500, seed=1), member, other, reference)
    assert result.interval[0] < 0.53
    assert result.tpr_interval[0] < 0.03


def test_intervals_cover():
    rng = np.random.default_rng(0)
    truth = 0.7602499  # Phi(1 / 2 ** 0.5)
    hits = 0
    for _ in range(300):
        low, high = delong_interval(rng.normal(1, 1, 80), rng.normal(0, 1, 60))
        hits += low <= truth <= high
    assert 0.92 <= hits / 300 <= 0.98


def digits_under_key():
    X, y = load_digits(return_X_y=True)
    encryptor = HomeomorphicEncryptor(key=KEY).fit(X, y)
    parts = np.split(np.random.default_rng(0).permutation(len(X))[:1791], 3)
    return encryptor, X, y, parts


def test_hybrid_and_smote_with_the_key_and_without():
    encryptor, X, y, (member, other, reference) = digits_under_key()
    Z = encryptor.transform(X[member])
    n_members = np.bincount(y[member])
    smote = SMOTE(sampling_strategy=dict(enumerate(2 * n_members)), random_state=0)
    interpolated, labels = (
        rows[len(member) :] for rows in smote.fit_resample(Z, y[member])
    )
    sampler = ClassConditionalSynthesizer(random_state=0)
    hybrid = sampler.fit_resample(Z, y[member])
    own = HomeomorphicEncryptor(key=OTHER).fit(X[reference], y[reference])
    attacks = ["nearest neighbour", "relative neighbour", "density ratio (kde)"]

    def attack(synthetic, y_synthetic, holder):
        return membership_attack(
            synthetic,
            *(X[rows] for rows in (member, other, reference)),
            labels=(y_synthetic, *(y[rows] for rows in (member, other, reference))),
            encryptor=holder,
            attacks=attacks,
        )

    leaked = attack(*hybrid, encryptor)
    assert leaked.rate < 0.6 and leaked.tpr < 0.06
    assert attack(interpolated, labels, encryptor).rate > 0.8
    assert attack(interpolated, labels, own).rate < 0.58
    assert list(leaked.attacks) == attacks
    assert leaked.choice in attacks


def test_ciphertexts_may_be_wider_than_records():
    X = records(90, n_features=3)
    encryptor = HomeomorphicEncryptor(n_preserved=1).fit(X)
    Z = encryptor.transform(X[:30])
    found = membership_attack(Z, X[:30], X[30:60], X[60:], encryptor=encryptor)
    assert found.rate > 0.9
    with pytest.raises(ValueError, match="X_member has 2 columns, the encryptor takes"):
        membership_attack(Z, X[:30, :2], X[30:60], X[60:], encryptor=encryptor)


def test_labels_sharpen_an_attack():
    rng = np.random.default_rng(0)
    X, y = records(900, 3), rng.integers(2, size=900)
    parts = np.split(np.arange(900), 3)
    member = parts[0]
    # A synthetic row of one class says nothing of the other class's candidates.
    synthetic, labels = X[member] + 0.05, y[member]
    plain = membership_attack(
        synthetic, *(X[rows] for rows in parts), attacks=ATTACKS[:1]
    )
    sharp = membership_attack(
        synthetic,
        *(X[rows] for rows in parts),
        labels=(labels, *(y[rows] for rows in parts)),
        attacks=ATTACKS[:1],
    )
    assert sharp.rate > plain.rate > 0.9


def test_no_setting_depends_on_who_is_a_member():
    member, other, reference = thirds(records())
    for attack in ATTACKS:
        forth = attack_by(attack, reference + 1, member, other, reference[::2])
        scores = np.append(forth.scores_member, forth.scores_non_member)
        back = attack_by(attack, reference + 1, other, member, reference[::2])
        if forth.choice == back.choice:
            turned = np.append(back.scores_non_member, back.scores_member)
            np.testing.assert_allclose(scores, turned)


def test_distance_to_records():
    real, control, synthetic = thirds(records())
    result = distance_to_records(synthetic, real, control)
    assert result.n_copies == 0
    assert result.nearer_share == pytest.approx(0.5, abs=0.1)
    assert 0 < result.minimum < result.median
    synthetic[:3] = real[:3]
    assert distance_to_records(synthetic, real, control).n_copies == 3


def test_epsilon_lower_bound_of_known_mechanisms():
    rng = np.random.default_rng(0)
    # Randomised response tells the truth with chance e / (1 + e) at epsilon = 1.
    honest = rng.random((2, 20_000)) < np.e / (1 + np.e)
    bound = epsilon_lower_bound(
        honest[0].astype(float), (~honest[1]).astype(float), random_state=0
    )
    assert 0.85 < bound.epsilon < 1
    none = epsilon_lower_bound(rng.normal(size=500), rng.normal(size=500))
    assert none.epsilon < 0.5
    apart = epsilon_lower_bound(np.ones(500), np.zeros(500), random_state=0)
    assert apart.epsilon > 3 and apart.n_with == 250


def test_bad_input():
    X = records(20)
    with pytest.raises(ValueError, match="X_member has 4 columns, X_synthetic has 5"):
        membership_attack(X, X[:, :4], X)
    with pytest.raises(ValueError, match="X_non_member has 1 row"):
        membership_attack(X, X, X[:1])
    with pytest.raises(ValueError, match="mean attack needs X_reference"):
        membership_attack(X, X, X, attacks=["mean"])
    with pytest.raises(ValueError, match="must be 'all' or names"):
        membership_attack(X, X, X, X, attacks=["oracle"])
    assert list(membership_attack(X, X, X).attacks) == ["nearest neighbour"]
    with pytest.raises(ValueError, match="fewer than 2 rows of class 1"):
        labels = np.zeros(20), np.ones(20), np.ones(20), np.ones(20)
        membership_attack(X, X, X, X, labels=labels)
    with pytest.raises(ValueError, match="labels must be of 4 sets"):
        membership_attack(X, X, X, X, labels=(np.zeros(20),))
    with pytest.raises(ValueError, match="contains NaN"):
        membership_attack(np.full_like(X, np.nan), X, X)
    with pytest.raises(ValueError, match="the bound needs 20"):
        epsilon_lower_bound(np.zeros(5), np.zeros(50))
