"""The display of the label subspace shows all that was tried."""

import pytest

from sklearn_homeo import HomeomorphicEncryptor, SubspaceDisplay
from sklearn_homeo.encryption.label_space.search import ProbeScore

pytest.importorskip("matplotlib")


def scores(roc_auc):
    return [
        ProbeScore("all features", 9, 0.9, roc_auc, 0.0, 0.0, 1.0, 3),
        ProbeScore("linear", 1, 0.5, roc_auc, 0.4, 0.01, 0.1, 1),
        ProbeScore("gradients", 1, 0.6, roc_auc, 0.3, 0.01, 0.1, 1),
        ProbeScore("gradients", 2, 0.9, roc_auc, 0.0, 0.01, 0.2, 3, True),
        ProbeScore("a finder of tomorrow", 1, 0.6, roc_auc, 0.3, 0.01, 0.1, 1),
    ]


@pytest.mark.parametrize("roc_auc, name", [(0.9, "balanced accuracy"), (None, "R2")])
def test_finders_are_drawn_and_the_chosen_one_is_ringed(roc_auc, name):
    display = SubspaceDisplay(scores(roc_auc)).plot()
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    finders = ["linear", "gradients", "a finder of tomorrow"]
    assert labels == ["all features", *finders, "chosen"]
    assert display.ax_.get_ylabel() == name
    assert display.ax_.figure is display.figure_


def test_axes_are_drawn_on():
    first = SubspaceDisplay(scores(0.9)).plot()
    assert SubspaceDisplay(scores(0.9)).plot(ax=first.ax_).ax_ is first.ax_


def test_without_scores_there_is_nothing_to_draw():
    with pytest.raises(ValueError, match="tried no directions"):
        SubspaceDisplay.from_estimator(HomeomorphicEncryptor())
    cells = HomeomorphicEncryptor(leakage="cells", n_cells=2)
    rows = [[i, -i] for i in range(20)]
    with pytest.raises(ValueError, match="tried no directions"):
        SubspaceDisplay.from_estimator(cells.fit(rows, [0, 1] * 10))
