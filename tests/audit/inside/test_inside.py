"""Attacks that know the construction: each must break a weakened cipher.

The weakened cipher has one layer of waves in a single lock, a low frequency, masks of
one scalar, or a key from a seed; the shipped one is measured at depth 3.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from problems import KEY
from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo.audit import (
    chosen_plaintext_attack,
    inside_attack,
    lattice_attack,
    mask_rank,
    same_label_attack,
    seed_search,
    student_attack,
)
from sklearn_homeo.audit.inside._inside import locked_pairs
from sklearn_homeo.audit.inside._lattice_reduction import (
    Neuron,
    exact_neuron,
    noisy_neuron,
    refine,
)
from sklearn_homeo.ciphers.waves import GRID, PhaseMatrix, triangle_wave

FIELDS = {"interval", "chance", "n", "direction", "seconds"}
insecure = pytest.mark.filterwarnings(
    "ignore::sklearn_homeo.exceptions.InsecureKeyWarning"
)
no_protection = pytest.mark.filterwarnings(
    "ignore::sklearn_homeo.exceptions.NoProtectionWarning"
)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1, user_api="blas"):
        yield
    torch.set_num_threads(before)


def records(n_samples=1800, n_features=8, seed=0):
    X = np.random.default_rng(seed).normal(size=(n_samples, n_features))
    return X, (X[:, 0] + 0.1 * X[:, 1] > 0).astype(int)


def fitted(X, y=None, depth=3, key=KEY, **options):
    return HomeomorphicEncryptor(depth, n_preserved=1, key=key, **options).fit(X, y)


@dataclass(frozen=True)
class OneLayerLock:
    """A lock whose masks are triangle waves of visible coordinates, without noise."""

    permutation: np.ndarray
    order_back: np.ndarray
    mask_v: PhaseMatrix
    mask_u: PhaseMatrix

    @classmethod
    def of(cls, q, frequency):
        permutation = KEY.stream("one layer/p").permutation(q)
        masks = [
            PhaseMatrix.from_stream(KEY.stream(f"one layer/{i}"), d + 1, m, frequency)
            for i, (d, m) in enumerate([(q // 2, q - q // 2), (q - q // 2, q // 2)])
        ]
        return cls(permutation, np.argsort(permutation), *masks)

    def forward(self, y):
        s, c = y[:, :1], y[:, 1:][:, self.permutation]
        u, v = np.split(c, [c.shape[1] // 2], axis=1)
        v = v + triangle_wave(self.mask_v.phases(u, s), self.mask_v.period, 10.0)
        u = u + triangle_wave(self.mask_u.phases(v, s), self.mask_u.period, 10.0)
        return np.hstack([s, u, v])


def weakened(X, frequency=6.0):
    """A fitted encryptor whose only lock is a `OneLayerLock`."""
    encryptor = fitted(X, depth=1, frequency=frequency, linkage_noise=0.0)
    lock = OneLayerLock.of(X.shape[1] - 1, frequency)
    encryptor._cipher = replace(encryptor._cipher, locks=(lock,))
    return encryptor


def check_fields(result):
    assert FIELDS <= set(result)
    low, high = result.interval
    assert low <= high
    assert result.seconds > 0


def test_locked_pairs_are_what_enters_and_leaves_the_locks():
    X, y = records(200)
    encryptor = fitted(X, y)
    before, after = locked_pairs(encryptor, X)
    for lock in encryptor._cipher.locks:
        before = lock.forward(before)
    np.testing.assert_array_equal(before, after)


def test_attacks_on_locks_need_locks():
    X, y = records(100)
    smooth = HomeomorphicEncryptor(cipher="smooth", key=KEY).fit(X)
    for attack in (inside_attack, lattice_attack, student_attack):
        with pytest.raises(ValueError, match="no coupling locks"):
            attack(smooth, X[:80], X[80:])


@no_protection
def test_inside_attack_breaks_slow_waves_only():
    X, y = records()
    for encryptor, low, high in [
        (weakened(X, frequency=0.1), 0.9, 1.0),
        (fitted(X, y), -1.0, 0.05),
    ]:
        result = inside_attack(encryptor, X[:1500], X[1500:], random_state=0)
        check_fields(result)
        assert low <= result.r2 <= high
        assert result.chance <= 0.05


@no_protection
def test_student_learns_slow_waves_only():
    X, y = records()
    slow = weakened(X, frequency=0.1)
    result = student_attack(slow, X[:1500], X[1500:], max_epochs=60, random_state=0)
    assert result.r2 > 0.6
    for n_hidden in (None, 64):
        result = student_attack(
            fitted(X, y),
            X[:1500],
            X[1500:],
            max_epochs=10,
            n_hidden=n_hidden,
            random_state=0,
        )
        check_fields(result)
        assert result.r2 <= 0.05


@pytest.mark.parametrize("n_drivers", [4, 9, 16])
def test_lattice_reduction_recovers_a_noiseless_wave(n_drivers):
    pytest.importorskip("fpylll")
    mask = PhaseMatrix.from_stream(KEY.stream("t"), n_drivers, 1, 6.0)
    rng = np.random.default_rng(0)
    drivers = np.round(rng.normal(size=(300, n_drivers)) * GRID)
    secret = Neuron(mask.weights[:, 0], mask.offsets[0], mask.period)
    few = drivers[: n_drivers + 4]
    largest = int(np.abs(mask.weights).max())
    found = exact_neuron(few, secret.wave(few), mask.period, largest)
    np.testing.assert_allclose(found.wave(drivers), secret.wave(drivers), atol=1e-5)
    assert exact_neuron(few, rng.uniform(-1, 1, len(few)), mask.period, 99) is None


def test_lattice_reduction_recovers_a_wave_below_two_others():
    pytest.importorskip("fpylll")
    mask = PhaseMatrix.from_stream(KEY.stream("t"), 5, 1, 6.0)
    rng = np.random.default_rng(0)
    drivers = np.round(rng.normal(size=(3000, 5)) * 8 * GRID)
    secret = Neuron(mask.weights[:, 0], mask.offsets[0], mask.period)
    total = secret.wave(drivers) + rng.uniform(-1, 1, (3000, 2)).sum(axis=1)
    largest = int(np.abs(mask.weights).max())
    found = noisy_neuron(
        drivers, total, mask.period, largest, 3, n_rows=60, noise=1e-4, block_size=20
    )
    found = refine(found, drivers, total, 3)
    assert found.correlation(drivers, secret.wave(drivers)) > 0.98


def test_lattice_attack_breaks_one_layer_and_not_three_locks():
    pytest.importorskip("fpylll")
    X, y = records()
    broken = lattice_attack(weakened(X), X[:1500], X[1500:])
    check_fields(broken)
    assert broken.found == broken.masks == [7]
    assert broken.r2 > 0.99
    result = lattice_attack(fitted(X, y), X[:1500], X[1500:], max_seconds=5.0)
    assert result.r2 <= 0.05
    assert sum(result.found) == 0


def test_missing_fpylll_is_an_error_that_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fpylll", None)
    X, y = records(200)
    with pytest.raises(ImportError, match="pip install fpylll cysignals"):
        lattice_attack(fitted(X, y), X[:150], X[150:])


@pytest.mark.parametrize("cipher", ["linear", "tanh", "smooth", "coupling"])
@pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.BrokenCipherWarning")
def test_chosen_plaintexts(cipher):
    X, y = records(300)
    if cipher == "linear":
        turn = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))[0]
        result = chosen_plaintext_attack(lambda X: X @ turn, X[:200], X[200:])
    else:
        options = {} if cipher == "coupling" else {"cipher": cipher}
        encrypt = fitted(X, y, **options).transform
        result = chosen_plaintext_attack(encrypt, X[:200], X[200:])
    check_fields(result)
    assert result.queries == 9
    if cipher == "coupling":
        assert result.r2 <= 0.3
    else:
        assert result.r2 > (0.7 if cipher == "smooth" else 0.99)
        assert result.local_r2 > 0.99


def test_same_label_differences():
    X, y = records(600, 20)
    turn = np.random.default_rng(1).normal(size=(1, 19)) * 40

    def masked_by_label_alone(X):
        return np.hstack([X[:, :1], X[:, 1:] + 10 * np.sin(X[:, :1] @ turn)])

    result = same_label_attack(
        masked_by_label_alone, lambda X: X[:, :1], X[:500], X[500:], random_state=0
    )
    check_fields(result)
    assert result.r2 > 0.99
    wrong = same_label_attack(
        masked_by_label_alone,
        lambda X: X[:, :1],
        X[:500],
        X[500:],
        label_error=0.3,
        random_state=0,
    )
    assert wrong.r2 < 0.3
    encryptor = fitted(X, y)
    result = same_label_attack(
        encryptor.transform, encryptor.preserve, X[:500], X[500:], random_state=0
    )
    assert result.r2 <= 0.05


def test_oracle_attacks_refuse_wrong_shapes():
    X, _ = records(50)
    with pytest.raises(ValueError, match="8 columns, targets 7"):
        chosen_plaintext_attack(np.asarray, X, X[:, :7])
    with pytest.raises(ValueError, match="needs 10"):
        same_label_attack(np.asarray, np.asarray, X[:9], X)


def test_mask_rank_of_the_shipped_cipher_and_of_one_scalar():
    X, y = records(3000, 64)
    before, after = (rows / GRID for rows in locked_pairs(fitted(X, y), X))
    result = mask_rank(after[:, 1:], before, random_state=0)
    check_fields(result)
    assert 0.8 <= result.rate <= result.chance + 0.01
    assert (result.dimension, result.n) == (63, 3000)
    phases = X[:, :1] @ np.random.default_rng(0).normal(size=(1, 63)) * 6
    scalar = mask_rank(X[:, 1:] + 10 * np.sin(phases), X, random_state=0)
    assert scalar.rate < 0.5
    with pytest.raises(ValueError, match="no masks"):
        mask_rank(before, before)
    with pytest.raises(ValueError, match="too few"):
        mask_rank(before[:100], before[:100])


@insecure
def test_seed_search_finds_seeds_and_no_real_keys():
    X, _ = records(200, 16)
    weak = fitted(X, key=SecretKey.insecure_from_seed(150))
    z = weak.transform(X[:1])[0]
    found = seed_search(weak, X[0], z, seeds=range(300))
    check_fields(found)
    assert (found.rate, found.seed, found.tried) == (1.0, 150, 151)
    real = fitted(X, key=SecretKey.generate())
    missed = seed_search(real, X[0], real.transform(X[:1])[0], seeds=range(300))
    assert (missed.rate, missed.seed, missed.tried) == (0.0, None, 300)
    with pytest.raises(ValueError, match="expected 16"):
        seed_search(weak, X[0, :5], z)
