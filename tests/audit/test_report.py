"""The whole audit: controls, verdicts, the report, and what it refuses."""

import warnings
from dataclasses import replace
from html.parser import HTMLParser
from time import perf_counter

import numpy as np
import pytest
from attacked import encrypted, features
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_breast_cancer

from sklearn_homeo import HomeomorphicEncryptor, SecretKey, TanhEncryptor
from sklearn_homeo.audit import AttackResult, AuditReport, privacy_audit
from sklearn_homeo.audit._advice import advise
from sklearn_homeo.audit._audit import _fitted
from sklearn_homeo.audit._controls import CONTROLS
from sklearn_homeo.audit._registry import TIERS

KEY = SecretKey.from_bytes(bytes(range(32)))

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.BrokenCipherWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.NoProtectionWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_homeo.exceptions.LeakageWarning"),
    pytest.mark.filterwarnings(
        "ignore::sklearn_homeo.exceptions.LossOfAccuracyWarning"
    ),
]


class Cipher(TransformerMixin, BaseEstimator):
    """A transformer that is no encryptor of this package."""

    def __init__(self, kind="noise"):
        self.kind = kind

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return encrypted(self.kind, X, seed=3)


def audit(encryptor, attacks="quick", data=None, **options):
    X, y = features(200) if data is None else data
    options = {"n_keys": 2, "random_state": 0} | options
    return privacy_audit(encryptor, X, y, attacks=attacks, **options)


@pytest.fixture(scope="module")
def report():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return audit(HomeomorphicEncryptor(n_preserved=1, key=KEY))


def test_the_published_cipher_is_reported_broken():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = privacy_audit(
            TanhEncryptor(key=KEY),
            *load_breast_cancer(return_X_y=True),
            attacks="quick",
            n_keys=1,
            random_state=0,
        )
    assert found.verdict == "bad"
    assert found.tiers["T2"].rate >= 0.90
    assert found.tiers["T4"].rate >= 0.95
    assert found.linked > 0.95


def test_noise_is_at_chance_on_every_tier():
    found = audit(Cipher("noise"))
    assert all(one.verdict != "invalid" for one in found.tiers.values()), str(found)
    for name, one in found.tiers.items():
        assert one.rate - one.chance < 0.1, (name, one)
    assert "T2b" not in found.tiers


@pytest.mark.parametrize("kind", ["identity", "rotation"])
def test_what_is_no_cipher_is_bad_on_every_tier(kind):
    found = audit(Cipher(kind), leak=0.8)
    for name, one in found.tiers.items():
        assert one.verdict == one.beyond_label == "bad", (name, one)
        assert one.rate >= 0.9


def test_every_tier_has_its_controls(report):
    assert set(report.tiers) == set(TIERS)
    for name in report.tiers:
        ciphers = {row["cipher"] for row in report.rows if row["tier"] == name}
        assert {"audited", "identity", "noise"} <= ciphers
    assert {row["cipher"] for row in report.rows} == {"audited", *CONTROLS}
    assert "invalid" not in {one.verdict for one in report.tiers.values()}


def test_two_keys_are_judged_by_the_records_found(report):
    tier = report.tiers["T2b"]
    assert (tier.measure, tier.attack) == ("re-id", "matching of two keys")
    assert f"T2b: D_sys of pairs within a class is {100 * tier.linkability:.1f}" in str(
        report
    )
    alone = report.add(
        "T9 pairs", AttackResult("pairs", 0.5, (0, 1), 0, 99, 0, "D_sys")
    )
    assert alone.tiers["T9 pairs"].verdict == "bad"


def test_the_attack_that_validates_best_and_the_upper_limit_count(report):
    tier = report.tiers["T4"]
    mine = [row for row in report.rows if row["cipher"] == "audited"]
    rates, held_out = {}, {}
    for row in mine:
        if row["tier"] == "T4":
            rates.setdefault(row["attack"], []).append(row["rate"])
            held_out.setdefault(row["attack"], []).append(row["validation"])
    assert set(rates) == {"ridge", "forward ridge", "two-sided ridge"}
    assert all(len(found) == 2 for found in rates.values())
    assert tier.attack == max(held_out, key=lambda name: np.mean(held_out[name]))
    assert tier.rate == pytest.approx(np.mean(rates[tier.attack]))
    assert tier.upper >= tier.rate
    assert report.verdict == "bad" or tier.verdict != "bad"


def test_text_html_and_frame(report):
    text, page, frame = str(report), report._repr_html_(), report.to_frame()
    assert max(map(len, text.splitlines())) <= 120
    assert len(text.splitlines()) < 30
    for name, one in report.tiers.items():
        assert f"{name} {one.title}" in text
        assert one.verdict in page
    assert "label" in text and "bound" in text and "beyond label" in text
    assert len(frame) == len(report.rows)
    assert {"cipher", "tier", "attack", "key", "rate", "chance", "n"} <= set(frame)
    assert report.verdict in repr(report)


def test_the_page_needs_nothing_else(report, tmp_path):
    report.save_html(tmp_path / "audit.html")
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    HTMLParser().feed(page)
    assert page.startswith("<!doctype html>") and page.rstrip().endswith("</html>")
    assert "prefers-color-scheme: dark" in page and "width=device-width" in page
    for outside in ("http://", "https://", "src=", "@import", "<script"):
        assert outside not in page
    assert report._repr_html_() in page


def test_plot(report):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    ax = report.plot()
    assert len(ax.get_yticklabels()) == len(report.tiers)
    assert report.plot(ax=ax) is ax
    pyplot.close(ax.figure)


def test_few_targets_get_no_verdict(report):
    few = [
        row | {"n": 10, "hits": 1} if row["tier"] == "T4" else row
        for row in report.rows
    ]
    judged = rebuilt(report, few)
    assert judged.tiers["T4"].verdict == "too few targets"
    assert "T4: fewer than 30 targets, no verdict" in str(judged).replace("\n    ", " ")
    assert judged.verdict != "too few targets"
    assert rebuilt(report, [row for row in few if row["tier"] == "T4"]).verdict == (
        "too few targets"
    )


def test_rates_are_compared_with_the_label_and_with_the_bound(report):
    assert report.tiers["T4"].floor == pytest.approx(2 / 20)
    assert report.tiers["T5"].floor == 0.5
    references = replace(report.references, bounds={"T4": 0.25})
    bounded = AuditReport(report.rows, report.settings, references)
    assert bounded.tiers["T4"].bound == 0.25
    assert "25.0 %" in str(bounded)
    assert np.isnan(bounded.tiers["T2"].bound)
    changed = broken_rows(report, "audited", "T4", report.tiers["T4"].floor)
    same = rebuilt(report, [row | {"hits": None} for row in changed])
    assert same.tiers["T4"].beyond_label == "good"


def test_advice_is_shown(report):
    advised = AuditReport(report.rows, report.settings, advice=["n_cells=2 would do"])
    assert "What to change: n_cells=2 would do" in str(advised)
    assert "What to change" in advised._repr_html_()


def test_the_remedy_is_measured():
    X, y = features(300)
    exact = HomeomorphicEncryptor(leakage="scores", n_preserved=4, linkage_noise=0.0)
    (line,) = advise(exact.fit(X, y), X, y)
    assert line.startswith("leakage='cells' would let")
    assert "(now 100.0%)" in line
    assert advise(Cipher(), X, y) == advise(exact, X, None) == []


def test_no_remedy_is_named_that_would_leak_more(monkeypatch):
    X, y = features(300)
    cells = HomeomorphicEncryptor(leakage="cells", n_cells=4, n_preserved=2)
    rates = iter([(0.1, 0.9), (0.2, 0.8)])
    monkeypatch.setattr("sklearn_homeo.audit._advice._measure", lambda *_: next(rates))
    assert advise(cells.fit(X, y), X, y) == []


def test_one_fit_serves_all_keys():
    X, y = features(200)
    first, second = _fitted(HomeomorphicEncryptor(n_preserved=1), X, y, 2, False)
    assert first._state is second._state
    assert first.key_fingerprint_ != second.key_fingerprint_
    assert not np.array_equal(first.transform(X), second.transform(X))
    back = second.inverse_transform(second.transform(X))
    np.testing.assert_allclose(back, X, atol=1e-7)


def test_no_secret_is_in_the_report(report):
    secret = KEY.to_bytes()
    for text in (str(report), repr(report), report._repr_html_(), str(vars(report))):
        assert secret.hex() not in text
        assert repr(secret)[2:-1] not in text


def broken_rows(report, cipher, tier, rate):
    """The same rows, a control's rates on a tier replaced."""
    changed = {"rate": rate, "low": max(0, rate - 0.01), "high": min(1, rate + 0.01)}
    return [
        row | changed if (row["cipher"], row["tier"]) == (cipher, tier) else row
        for row in report.rows
    ]


def rebuilt(report, rows):
    return AuditReport(rows, report.settings, report.references, report.seconds)


@pytest.mark.parametrize(("cipher", "rate"), [("rotation", 0.9), ("noise", 0.5)])
def test_a_failed_control_makes_its_tier_invalid(report, cipher, rate):
    failed = rebuilt(report, broken_rows(report, cipher, "T2", rate))
    tier = failed.tiers["T2"]
    assert report.tiers["T2"].verdict in ("good", "moderate")
    assert tier.verdict == "invalid"
    assert cipher in tier.reason
    assert failed.verdict == "invalid"
    assert "T2 is invalid" in str(failed)


def test_what_is_broken_stays_bad_whatever_positive_control_fails():
    found = audit(Cipher("identity"), attacks=["T3"])
    failed = rebuilt(found, broken_rows(found, "rotation", "T3", 0.5))
    assert failed.tiers["T3"].verdict == "bad"
    failed = rebuilt(found, broken_rows(found, "noise", "T3", 0.5))
    assert failed.tiers["T3"].verdict == "invalid"


def test_other_attacks_can_be_added(report):
    one = AttackResult("guess", 0.5, (0.4, 0.6), 0.01, 100, 0.1)
    longer = report.add("T9 guess", [one, one])
    assert longer.tiers["T9 guess"].verdict == "bad"
    assert longer.settings is report.settings and "T9 guess" not in report.tiers
    assert "T9 guess" in str(longer)
    with pytest.raises(ValueError, match="is run by the audit"):
        report.add("T4", one)
    with pytest.raises(TypeError, match="must be an AttackResult"):
        report.add("T9", {"rate": 0})


def test_sub_keys_make_a_run_repeatable_and_jobs_do_not_matter():
    encryptor = HomeomorphicEncryptor(n_preserved=1, key=KEY)
    before = np.random.get_state()
    tiers, data = ["T0", "T2b"], features(100)
    runs = [audit(encryptor, tiers, data, n_jobs=jobs).rows for jobs in (None, 2)]
    np.testing.assert_equal(np.random.get_state(), before)
    for first, second in zip(*runs, strict=True):
        assert first["rate"] == pytest.approx(second["rate"])
    assert not hasattr(encryptor, "key_")
    own = [row["rate"] for row in runs[0] if row["cipher"] == "audited"]
    assert len(set(own)) > 1


def test_progress_is_shown_only_on_demand(capsys):
    audit(Cipher("identity"), ["T0"], verbose=1)
    shown = capsys.readouterr()
    assert "attacks" in shown.err
    audit(Cipher("identity"), ["T0"])
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


@pytest.mark.parametrize("n_rows", [60, 240])
def test_time_is_measured_and_not_predicted(n_rows, capsys):
    begun = perf_counter()
    found = audit(Cipher("identity"), ["T0"], features(n_rows), verbose=1)
    assert 0 < found.seconds <= perf_counter() - begun
    shown = capsys.readouterr()
    assert shown.out == "" and "about" not in shown.err
    assert f"{found.seconds:.0f} s)" in str(found)


def test_without_labels_and_with_numbers_to_predict():
    X, y = features(120)
    smooth = HomeomorphicEncryptor(leakage="space", key=KEY)
    found = audit(smooth, ["T0", "T2"], (X, None), n_keys=1)
    assert found.tiers["T0"].n == 120
    coupling = HomeomorphicEncryptor(key=KEY)
    found = audit(coupling, ["T0"], (X, X[:, 0] + 0.1 * X[:, 1]), n_keys=1)
    assert found.tiers["T0"].n == 120


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attacks": ["T9"]}, "attacks must be 'all', 'quick' or names from .*T0"),
        ({"attacks": []}, "must be 'all', 'quick' or names"),
        ({"attacks": "some"}, "attacks"),
        ({"leak": 1.0}, "leak"),
        ({"n_keys": 0}, "n_keys"),
        ({"data": features(59)}, "X has 59 rows; the attack needs 60"),
        ({"data": (features(80)[0], [0, 1])}, "y has 2 labels for 80 rows"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        audit(Cipher("identity"), **options)


def test_not_an_encryptor():
    with pytest.raises(ValueError, match="encryptor"):
        audit("coupling")
