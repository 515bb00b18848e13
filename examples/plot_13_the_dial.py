"""
=================================
How many cells does a label need?
=================================

The view of a ciphertext names one of a few cells. With fewer cells an attacker links
fewer records; with more cells ciphertexts keep more of the label. This page turns the
dial on three data sets and draws both.
"""

# %%
# Three data sets
# ---------------
# For each number of cells, an encryptor learns from 70 % of the records and a logistic
# regression from their ciphertexts. Both are judged by the other records. The share
# that anybody can link is a bound and not the success of an attack: it holds even for
# an attacker who knows all records and all cells.
import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_wine, make_classification

from sklearn_homeo import HomeomorphicEncryptor, LeakageDisplay, SecretKey

overlapping = make_classification(
    1500, 12, n_informative=5, class_sep=0.6, flip_y=0.1, random_state=1
)
data = {
    "breast cancer": load_breast_cancer(return_X_y=True),
    "wine": load_wine(return_X_y=True),
    "overlapping classes": overlapping,
}
encryptor = HomeomorphicEncryptor(key=SecretKey.generate())
figure, axes = plt.subplots(3, 1, figsize=(5.5, 9), layout="constrained")
displays = {}
for ax, (name, (X, y)) in zip(axes, data.items(), strict=True):
    displays[name] = LeakageDisplay.from_estimator(encryptor, X, y, ax=ax)
    ax.set_title(name)
for ax in axes:
    ax.get_legend().remove()
lines = axes[0].get_legend_handles_labels()
figure.legend(*lines, loc="outside lower center", ncols=2, frameon=False)
figure.suptitle("A few cells keep the label; more of them link more records")
plt.show()

# %%
# In numbers
# ----------
# The dotted lines of the figure are plain records and, at the bottom, what the label
# alone tells an attacker. Linking grows with every cell, while the scores soon stop
# growing. Wine has small classes, which have no room for many cells of ten records.
for name, display in displays.items():
    print(name)
    for point in [display.plain, *display.points]:
        cells = "plain" if point.n_cells is None else f"{point.n_cells} cells"
        print(
            f"  {cells:>9}: balanced accuracy {point.score:.3f}, "
            f"ROC AUC {point.roc_auc:.3f}, linked {point.linked:.1%}"
        )

# %%
# What ``"auto"`` takes
# ---------------------
# The encryptor compares numbers of cells by cross-validation. It takes the fewest that
# keep balanced accuracy and the area under the ROC curve.
for name, (X, y) in data.items():
    chosen = HomeomorphicEncryptor(key=SecretKey.generate()).fit(X, y)
    print(f"{name}: {chosen.leakage_}, {chosen.n_cells_} cells")
