"""The gallery: every example is well formed, and two of them run here.

``make docs`` runs them all, with warnings as errors.
"""

import ast
import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted(Path(__file__).parents[2].glob("examples/plot_*.py"))
QUICK = ("plot_08_three_owners", "plot_09_decrypt_the_model")


def test_gallery_has_examples_in_order():
    numbers = [path.stem[5:7] for path in EXAMPLES]
    assert numbers == [f"{i:02}" for i in range(1, len(EXAMPLES) + 1)]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_has_title_prose_and_figure(path):
    text = path.read_text("utf-8")
    title = ast.get_docstring(ast.parse(text)).splitlines()
    assert title[0] == title[2] and set(title[0]) == {"="}
    assert len(title[1]) <= len(title[0])
    assert text.count("\n# %%\n") >= 3
    assert "\nplt.show()\n" in text


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_needs_no_files_and_no_network(path):
    text = path.read_text("utf-8")
    assert not re.search(r"fetch_|https?://|urllib|requests|open\(|read_csv", text)


@pytest.mark.parametrize("name", QUICK)
def test_quick_examples_run_and_draw(name, monkeypatch, recwarn):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.close("all")
    shown = []
    monkeypatch.setattr(pyplot, "show", lambda: shown.extend(pyplot.get_fignums()))
    path = next(path for path in EXAMPLES if path.stem == name)
    names = runpy.run_path(str(path))
    assert shown
    assert all(pyplot.figure(number).axes for number in shown)
    pyplot.close("all")
    CHECKS[name](names)


def _check_owners(names):
    # Together they know more than each alone, and nearly what plain records tell.
    scores = names["scores"]
    alone = [score for name, score in scores.items() if "alone" in name]
    assert scores["all ciphertexts"] > max(alone)
    assert scores["all ciphertexts"] >= scores["pooled, plain"] - 0.005
    assert names["linked"] <= names["bound"].one_target + 1e-9
    assert names["rebuilt"] <= names["bound"].r2 + 1e-6


def _check_model(names):
    # The decrypted model sees the columns that the plain one sees.
    plain, decrypted = (
        set(names["importances"][name].argsort()[-3:])
        for name in ("plain model", "decrypted model")
    )
    assert len(plain & decrypted) >= 2


CHECKS = {
    "plot_08_three_owners": _check_owners,
    "plot_09_decrypt_the_model": _check_model,
}
