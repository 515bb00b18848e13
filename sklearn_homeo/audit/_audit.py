"""The audit: every attack, several keys, and controls."""

import warnings
from numbers import Integral, Real
from time import perf_counter

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
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
from sklearn_homeo.audit._bounds import linkage_bound
from sklearn_homeo.audit._controls import CONTROLS, control_ciphertexts
from sklearn_homeo.audit._registry import BUDGETS, TIERS, Exposure
from sklearn_homeo.audit._report import AuditReport, outcome_row
from sklearn_homeo.audit._result import check_rows
from sklearn_homeo.keys._key import SecretKey

__all__ = ["privacy_audit"]

_MIN_ROWS = 60
_MIN_CLASS_ROWS = 8
_TEST_SIZE = 0.25
# Left out of quick audits: with few rows it would not even find the identity.
_SLOW_TIER = "T1"
# Of the calibration, on the machine on which the tiers' costs were measured.
_REFERENCE_SECONDS = 0.052


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
    encryptor,
    X,
    y=None,
    *,
    leak=0.9,
    n_keys=5,
    attacks="all",
    random_state=None,
    n_jobs=None,
    verbose=0,
):
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
    attacks : {"all", "quick"} or list of {"T0", "T1", "T2", "T2b", "T3", "T4", "T5"}, \
            default="all"
        "quick" runs all tiers but T1, which finds nothing in few rows, with fewer
        rows and fewer attacks: it finds what is badly broken, and its "good" means
        less. A list runs these tiers in full.
    random_state : int, RandomState instance or None, default=None
        Of everything random in the attacks and the controls; never of a key.
    n_jobs : int or None, default=None
        Ciphertexts attacked at once; -1 means all processors. Does not change the
        result.
    verbose : int, default=0
        1 prints an estimate of the time and shows the progress.

    Returns
    -------
    report : AuditReport
        ``print(report)`` shows the summary, ``report.to_frame()`` every figure.

    Raises
    ------
    ValueError
        If a parameter is out of its range, a value is not finite, there are fewer
        than 60 rows, or the encryptor refuses the data.

    Notes
    -----
    The composite follows the idea of Terziyan, Bilokon and Gavriushenko: security
    times tolerance times efficiency. The formulas are ours. Security is one minus
    the greater of the worst re-identification (upper limit) and of the known-plaintext
    R2; tolerance the accuracy of a logistic regression on new ciphertexts over that on
    new plain records, at most 1; efficiency the time that this model takes over that
    time and the time of encryption together. Tolerance needs classes in `y`.

    References
    ----------
    Terziyan, Bilokon, Gavriushenko, "Deep homeomorphic data encryption for privacy
    preserving machine learning", Procedia Computer Science 232 (2024) 2201-2212,
    doi:10.1016/j.procs.2024.02.039.

    Yala et al., "NeuraCrypt", 2021, arXiv:2106.02484: the scale of the verdicts.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_homeo import HomeomorphicEncryptor
    >>> from sklearn_homeo.audit import privacy_audit
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> report = privacy_audit(
    ...     HomeomorphicEncryptor(cipher="smooth"), X, y, n_keys=2, attacks=["T4"],
    ...     random_state=0,
    ... )
    >>> report.verdict, report.tiers["T4"].rate
    ('bad', 1.0)
    """
    started = perf_counter()
    names, budget = _check_attacks(attacks)
    X = check_rows(X, "X", _MIN_ROWS)
    labels = _public_classes(y, len(X))
    rng = make_random_state(random_state)
    fitted = _fitted(encryptor, X, y, n_keys, "T2b" in names)
    audited = [_transform(one, X) for one in fitted]
    if len(audited) == 1:
        # Nothing to link: one key is all there is.
        names = [name for name in names if name != "T2b"]
    n_audited = min(n_keys, len(audited))
    seeds = rng.randint(np.iinfo(np.int32).max, size=n_audited + len(CONTROLS))
    common = {"X": X, "y": labels, "leak": leak, "budget": BUDGETS[budget]}
    jobs = audited_jobs(audited, names, seeds[:n_audited])
    jobs += control_jobs(X, names, seeds[n_audited:])
    rows = run_jobs(jobs, common, n_jobs, verbose)
    targets = X[rng.permutation(len(X))[int(leak * len(X)) :]]
    return AuditReport(
        rows,
        Bunch(
            cipher=_description(encryptor),
            n_samples=len(X),
            n_features=X.shape[1],
            n_keys=n_audited,
            leak=leak,
            attacks=attacks if isinstance(attacks, str) else ", ".join(names),
        ),
        _tolerance_and_efficiency(encryptor, X, y, labels),
        _floor(fitted[:n_audited], targets),
        perf_counter() - started,
    )


def _check_attacks(attacks):
    if attacks == "all":
        return list(TIERS), "full"
    if isinstance(attacks, str):
        return [name for name in TIERS if name != _SLOW_TIER], "quick"
    unknown = [name for name in attacks if name not in TIERS]
    if unknown or not attacks:
        raise ValueError(
            f"attacks={list(attacks)!r} must be 'all', 'quick' or names from "
            f"{list(TIERS)}"
        )
    return [name for name in TIERS if name in attacks], "full"


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


def _fitted(encryptor, X, y, n_keys, linkable):
    """The encryptor under independent keys; one more if linking needs a second."""
    if not hasattr(encryptor, "key"):
        return [clone(encryptor).fit(X, y)]
    n_fits = max(n_keys, 2) if linkable else n_keys
    return [_with_key(encryptor, i).fit(X, y) for i in range(n_fits)]


def _with_key(encryptor, i):
    copy = clone(encryptor)
    if encryptor.key is not None:
        copy.set_params(key=SecretKey.from_bytes(encryptor.key.subkey(f"audit/{i}")))
    return copy


def _transform(fitted, X):
    Z = np.asarray(fitted.transform(X), dtype=np.float64)
    if len(Z) != len(X):
        raise ValueError(
            f"encryptor gave {len(Z)} ciphertexts for {len(X)} rows; the audit needs "
            "one a row"
        )
    return Z


def audited_jobs(audited, names, seeds):
    """Attack steps: cipher, key, ciphertexts under two keys, tier, seed.

    One key for each seed; of more ciphertexts the last are for linking only.
    """
    return [
        ("audited", i, audited[i], audited[(i + 1) % len(audited)], name, seed)
        for i, seed in enumerate(seeds)
        for name in names
    ]


def control_jobs(X, names, seeds):
    """The same of every control, on the tiers that it is for."""
    jobs = []
    for (control, broken_by), seed in zip(CONTROLS.items(), seeds, strict=True):
        tiers = [name for name in names if broken_by is None or name in broken_by]
        Z, Z_other = (control_ciphertexts(control, X, int(s)) for s in (seed, seed + 1))
        jobs += [(control, 0, Z, Z_other, name, seed) for name in tiers]
    return jobs


def run_jobs(jobs, common, n_jobs=None, verbose=0):
    """Run attack steps and return the report's rows."""
    if verbose:
        print(f"privacy_audit: {len(jobs)} attacks, {_estimate(jobs, common, n_jobs)}")
    parallel = Parallel(n_jobs=n_jobs, return_as="generator")
    found = parallel(delayed(_attack)(*job, common) for job in jobs)
    progress = tqdm(found, total=len(jobs), desc="attacks", disable=not verbose)
    return [row for rows in progress for row in rows]


def _attack(cipher, key, Z, Z_other, name, seed, common):
    exposure = Exposure(Z=Z, Z_other=Z_other, seed=int(seed), **common)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes = TIERS[name].run(exposure)
    return [outcome_row(cipher, name, key, one) for one in outcomes]


def _estimate(jobs, common, n_jobs):
    """Words on how long the attacks will take on this machine."""
    started = perf_counter()
    rows = np.random.RandomState(0).normal(size=(800, 400))
    with threadpool_limits(1):
        np.linalg.svd(rows, full_matrices=False)
    speed = (perf_counter() - started) / _REFERENCE_SECONDS
    n, d = common["X"].shape
    work = sum(common["budget"].estimate(name, n, d) for *_, name, _ in jobs)
    seconds = speed * work / effective_n_jobs(n_jobs)
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / 60)} min"


def _description(encryptor):
    if not hasattr(encryptor, "key"):
        return repr(encryptor)
    return " ".join(repr(clone(encryptor).set_params(key=None)).split())


def _floor(fitted, targets):
    ratios = [getattr(one, "preserved_variance_ratio_", np.nan) for one in fitted]
    bounds = [
        linkage_bound(one, targets).bound
        for one in fitted
        if hasattr(one, "preserved_variance_ratio_")
    ]
    return Bunch(
        preserved_variance_ratio=float(np.mean(ratios)),
        linkage_bound=float(np.mean(bounds)) if bounds else np.nan,
    )


def _tolerance_and_efficiency(encryptor, X, y, labels):
    """Accuracy kept, and the share of time that is not encryption's."""
    if labels is None:
        return Bunch(tolerance=np.nan, efficiency=np.nan)
    train, test = train_test_split(
        np.arange(len(X)), test_size=_TEST_SIZE, random_state=0, stratify=labels
    )
    started = perf_counter()
    plain = _accuracy(X[train], X[test], labels[train], labels[test])
    model_seconds = perf_counter() - started
    copy = _with_key(encryptor, 0) if hasattr(encryptor, "key") else clone(encryptor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy.fit(X[train], np.asarray(y)[train])
    started = perf_counter()
    Z_train, Z_test = _transform(copy, X[train]), _transform(copy, X[test])
    encryption_seconds = perf_counter() - started
    encrypted = _accuracy(Z_train, Z_test, labels[train], labels[test])
    return Bunch(
        tolerance=min(1.0, encrypted / max(plain, np.finfo(float).tiny)),
        efficiency=model_seconds / (model_seconds + encryption_seconds),
    )


def _accuracy(train, test, y_train, y_test):
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    return float(model.fit(train, y_train).score(test, y_test))
