"""The displays follow scikit-learn's convention and load matplotlib late."""

import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from attacked import encrypted, features
from sklearn.utils import Bunch

from sklearn_homeo.audit import (
    AuditReport,
    KnownPlaintextCurveDisplay,
    PrivacyUtilityDisplay,
    known_plaintext_curve,
)


@pytest.fixture(autouse=True)
def closed_figures():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    yield
    pyplot.close("all")


def test_curve_display():
    X, _ = features(200)
    Z = encrypted("smooth", X)
    curve = known_plaintext_curve(Z, X, attacks=["ridge"], random_state=0)
    display = KnownPlaintextCurveDisplay.from_curve(curve)
    assert display.figure_ is display.ax_.figure
    assert len(display.ax_.lines) == 3
    again = KnownPlaintextCurveDisplay.from_ciphertexts(
        Z, X, attacks=["ridge"], random_state=0, ax=display.ax_
    )
    assert again.ax_ is display.ax_
    np.testing.assert_array_equal(again.rate, curve.rate)


def test_frontier():
    display = PrivacyUtilityDisplay.from_points(
        [0.9, 0.1, 0.2, 0.1, 1.0], [0.9, 0.7, 0.6, 0.8, 0.9], list("abcde")
    )
    assert display.frontier_.tolist() == [3, 0]
    assert [text.get_text() for text in display.ax_.texts] == list("abcde")


def test_names_do_not_cover_each_other():
    names = [f"setting {i}" for i in range(15)]
    leak, utility = np.full(15, 1.0), np.repeat([0.9, 0.91, 0.91], 5)
    display = PrivacyUtilityDisplay.from_points(leak, utility, names)
    display.figure_.draw_without_rendering()
    # The lines that lead to the names may cross.
    extent = pytest.importorskip("matplotlib.text").Text.get_window_extent
    boxes = [extent(text) for text in display.ax_.texts]
    whole = display.figure_.bbox
    for i, box in enumerate(boxes):
        assert whole.x0 <= box.x0 and box.x1 <= whole.x1
        assert whole.y0 <= box.y0 and box.y1 <= whole.y1
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_reports_are_drawn_by_what_is_linked():
    reports = {
        name: Bunch(linked=linked) for name, linked in {"a": 0.9, "b": 0.1}.items()
    }
    display = PrivacyUtilityDisplay.from_reports(reports, [0.9, 0.8])
    np.testing.assert_allclose(display.leak, [0.9, 0.1])
    reports["a"].linked = np.nan
    with pytest.raises(ValueError, match="no tier that re-identifies"):
        PrivacyUtilityDisplay.from_reports(reports, [0.9, 0.8])


def test_bad_input():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        PrivacyUtilityDisplay.from_points([1], [1, 2])
    with pytest.raises(ValueError, match="nothing to draw"):
        PrivacyUtilityDisplay.from_points([], [])
    with pytest.raises(ValueError, match="leak must hold real numbers"):
        PrivacyUtilityDisplay.from_points(["Kowalska"], [1])


@pytest.mark.parametrize("mistake", [None, np.eye(3), ["Kowalska"], {"Kowalska": 1}])
def test_what_is_no_curve_report_or_search_is_told(mistake):
    for draw, message in [
        (KnownPlaintextCurveDisplay.from_curve, "what known_plaintext_curve returns"),
        (partial(PrivacyUtilityDisplay.from_reports, utility=[1]), "reports must be"),
        (partial(AuditReport, settings={}), "rows must be the list of results"),
    ]:
        with pytest.raises(TypeError, match=message):
            draw(mistake)
    if not isinstance(mistake, dict):
        with pytest.raises(TypeError, match="cv_results must be"):
            PrivacyUtilityDisplay.from_cv_results(mistake)


def test_matplotlib_is_loaded_late_and_missed_clearly():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from sklearn_homeo.audit import PrivacyUtilityDisplay\n"
        "try:\n    PrivacyUtilityDisplay.from_points([0.1], [1])\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "needs matplotlib" in done.stdout, done.stderr
