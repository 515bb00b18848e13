"""The audit: every attack, several keys, and controls."""

import warnings
from collections.abc import Sequence
from numbers import Integral, Real
from time import perf_counter

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin, clone
from sklearn.utils import Bunch
from sklearn.utils.multiclass import type_of_target
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from sklearn_homeo._utils.random import make_random_state
from sklearn_homeo._utils.validation import (
    HasMethods,
    Interval,
    StrOptions,
    validate_params,
)
from sklearn_homeo.audit._advice import advise
from sklearn_homeo.audit._checks import check_names, check_rows
from sklearn_homeo.audit._controls import CONTROLS, control_ciphertexts, is_control_of
from sklearn_homeo.audit._references import find_references
from sklearn_homeo.audit._registry import TIERS, Scenario, attacks_of
from sklearn_homeo.audit._report import AuditReport
from sklearn_homeo.encryption.label_space.target import are_numbers
from sklearn_homeo.keys._key import SecretKey

_MIN_ROWS = 60
_MIN_CLASS_ROWS = 8


@validate_params(
    {
        "encryptor": [HasMethods(["fit", "transform"])],
        "leak": [Interval(Real, 0, 1, closed="neither")],
        "n_keys": [Interval(Integral, 1, None, closed="left")],
        "attacks": [StrOptions({"all", "quick"}), list, tuple],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=True,
)
def privacy_audit(
    encryptor: TransformerMixin,
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    leak: float = 0.9,
    n_keys: int = 5,
    attacks: str | Sequence[str] = "all",
    random_state: int | np.random.RandomState | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> AuditReport:
    """Attack a cipher on one's own data, and report what the attackers got.

    The encryptor is cloned and fitted under several independent keys; the attacks of
    every tier run on the ciphertexts of each. Identity, a rotation and the published
    tanh cipher are attacked alike and must be found broken, and random noise must
    give nothing away; otherwise the verdict is *invalid*.

    Parameters
    ----------
    encryptor : HomeomorphicEncryptor or transformer
        What to audit; not changed. Under an encryptor's own `key`, sub-keys are
        derived from it, so that a run can be repeated; with ``key=None`` keys are
        fresh. A transformer without a `key` is fitted once and audited as it is.
    X : array-like of shape (n_samples, n_features)
        Records, in any units; at least 60 rows.
    y : array-like of shape (n_samples,), default=None
        Labels that the encryptor needs and the attackers know. Classes with fewer
        than 8 rows, and numbers, are not used by the attackers.
    leak : float, default=0.9
        Share of the records that the known-plaintext attacker (T4) has.
    n_keys : int, default=5
        Independent keys; the key is the unit of the upper limits.
    attacks : {"all", "quick"} or list of {"T0", "T2", "T2b", "T3", "T4", "T5"}, \
            default="all"
        "quick" runs all tiers with fewer rows and fewer attacks: it finds what is badly
        broken, and its "good" means less. A list runs these tiers in full.
    random_state : int, RandomState instance or None, default=None
        Seed of everything random in the attacks and the controls, never of a key.
    n_jobs : int or None, default=None
        Ciphertexts attacked at once; -1 means all processors. Does not change the
        result.
    verbose : int, default=0
        1 shows the progress.

    Returns
    -------
    report : AuditReport
        ``print(report)`` shows the summary, ``report.to_frame()`` every figure.

    Raises
    ------
    ValueError
        If a parameter is out of its range, a value is not finite, there are fewer
        than 60 rows, or the encryptor refuses the data.

    References
    ----------
    Yala et al., "NeuraCrypt", 2021, arXiv:2106.02484: the scale of the verdicts.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_homeo import HomeomorphicEncryptor
    >>> from sklearn_homeo.audit import privacy_audit
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> report = privacy_audit(
    ...     HomeomorphicEncryptor(leakage="space"), X, y, n_keys=2, attacks=["T4"],
    ...     random_state=0,
    ... )
    >>> report.verdict, report.tiers["T4"].rate
    ('bad', 1.0)
    """
    started = perf_counter()
    budget = "quick" if attacks == "quick" else "full"
    tiers = check_names(attacks, TIERS, "'all', 'quick'")
    X = check_rows(X, "X", _MIN_ROWS)
    labels = _public_classes(y, len(X))
    rng = make_random_state(random_state)
    fitted = _fitted(encryptor, X, y, n_keys, "T2b" in tiers)
    audited = [_transform(one, X) for one in fitted]
    if len(audited) == 1:
        # Nothing to link: one key is all there is.
        tiers = [tier for tier in tiers if tier != "T2b"]
    n_audited = min(n_keys, len(audited))
    seeds = rng.randint(np.iinfo(np.int32).max, size=n_audited + len(CONTROLS))
    known = {"X": X, "y": labels, "leak": leak}
    scenarios = make_scenarios(audited, seeds[:n_audited], known)
    jobs = audited_jobs(scenarios, tiers, budget)
    jobs += control_jobs(tiers, budget, seeds[n_audited:], known)
    rows = run_jobs(jobs, n_jobs, verbose)
    report = AuditReport(
        rows,
        Bunch(
            cipher=_description(encryptor),
            n_samples=len(X),
            n_features=X.shape[1],
            n_keys=n_audited,
            leak=leak,
            attacks=attacks if isinstance(attacks, str) else ", ".join(tiers),
        ),
        find_references(fitted[:n_audited], scenarios, rows, _numbers(encryptor, y)),
        certificate=_certificate(fitted[0], scenarios[0]),
    )
    if report.verdict == "bad":
        report.advice = advise(fitted[0], X, y)
    report.seconds = perf_counter() - started
    return report


def _public_classes(y, n_rows):
    """Class labels that the attackers use, or None."""
    if y is None:
        return None
    y = np.asarray(y)
    if len(y) != n_rows:
        raise ValueError(f"y has {len(y)} labels for {n_rows} rows of X")
    if y.ndim != 1 or type_of_target(y) not in ("binary", "multiclass"):
        return None
    counts = np.unique(y, return_counts=True)[1]
    return y if len(counts) > 1 and counts.min() >= _MIN_CLASS_ROWS else None


def _numbers(encryptor, y):
    """Labels that are numbers; None of others."""
    target_type = getattr(encryptor, "target_type", "auto")
    return y if y is not None and are_numbers(np.asarray(y), target_type) else None


def _fitted(encryptor, X, y, n_keys, linkable):
    """The encryptor under independent keys; one more if linking needs a second."""
    if not hasattr(encryptor, "key"):
        return [clone(encryptor).fit(X, y)]
    n_fits = max(n_keys, 2) if linkable else n_keys
    first = _with_key(encryptor, 0).fit(X, y)
    return [first, *(_another(first, encryptor, i, X, y) for i in range(1, n_fits))]


def _with_key(encryptor, i):
    keyed = clone(encryptor)
    if encryptor.key is not None:
        keyed.set_params(key=SecretKey.from_bytes(encryptor.key.subkey(f"audit/{i}")))
    return keyed


def _another(fitted, encryptor, i, X, y):
    """The same fit under another key."""
    unfitted = _with_key(encryptor, i)
    if not hasattr(fitted, "rekey"):
        return unfitted.fit(X, y)
    # What was learnt does not depend on the key, and takes most of the time.
    again = fitted.rekey(unfitted.key, keep_view=False)
    return again.set_params(key=unfitted.key)


def _transform(fitted, X):
    Z = np.asarray(fitted.transform(X), dtype=np.float64)
    if len(Z) != len(X):
        raise ValueError(
            f"encryptor gave {len(Z)} ciphertexts for {len(X)} rows; the audit needs "
            "one a row"
        )
    return Z


def make_scenarios(ciphertexts, seeds, known):
    """Scenarios of ciphertexts under several keys.

    Parameters
    ----------
    ciphertexts : list of ndarray of shape (n_samples, n_outputs)
        Under one key each; those without a seed of their own are for linking only.
    seeds : sequence of int
        One for each key that is attacked.
    known : dict
        `X`, `y` and `leak` of the scenarios.
    """
    others = ciphertexts[1:] + ciphertexts[:1]
    return [
        Scenario(Z, Z_other, seed=int(seed), **known)
        for Z, Z_other, seed in zip(ciphertexts, others, seeds, strict=False)
    ]


def audited_jobs(scenarios, tiers, budget):
    """Attacks on the scenarios, as :func:`run_jobs` takes them."""
    return [
        job
        for key, scenario in enumerate(scenarios)
        for job in _jobs("audited", key, tiers, budget, scenario)
    ]


def control_jobs(tiers, budget, seeds, known):
    """The same of every control, on the tiers that it is for; one seed a control."""
    jobs = []
    for control, seed in zip(CONTROLS, seeds, strict=True):
        Z, Z_other = (
            control_ciphertexts(control, known["X"], int(s)) for s in (seed, seed + 1)
        )
        scenario = Scenario(Z, Z_other, seed=int(seed), **known)
        its_tiers = [tier for tier in tiers if is_control_of(control, tier)]
        jobs += _jobs(control, 0, its_tiers, budget, scenario)
    return jobs


def _jobs(cipher, key, tiers, budget, scenario):
    n_features = scenario.X.shape[1]
    return [
        ({"cipher": cipher, "tier": tier, "key": key}, attack, scenario, budget)
        for tier in tiers
        for attack in attacks_of(tier).values()
        if attack.fits(budget, n_features)
    ]


def run_jobs(jobs, n_jobs=None, verbose=0):
    """Run attacks and return the report's rows."""
    parallel = Parallel(n_jobs=n_jobs, return_as="generator")
    found = parallel(delayed(_run)(*job) for job in jobs)
    progress = tqdm(found, total=len(jobs), desc="attacks", disable=not verbose)
    return [row for row in progress if row is not None]


def _run(place, attack, scenario, budget):
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = attack.run(scenario, budget)
    return None if result is None else place | result.to_row() | {"attack": attack.name}


def _description(encryptor):
    if not hasattr(encryptor, "key"):
        return repr(encryptor)
    return " ".join(repr(clone(encryptor).set_params(key=None)).split())


def _certificate(encryptor, scenario):
    """The encryptor's certificate, with T4's targets as candidates."""
    if not hasattr(encryptor, "certificate"):
        return None
    return encryptor.certificate(scenario.X[scenario.split()[1]])
