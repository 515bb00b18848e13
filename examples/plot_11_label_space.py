"""
============================================
The label space of the exclusive or
============================================

Of the data, ciphertexts keep *label space*: the few directions or columns that every
model needs. The sign of a product of two columns is the simplest label that no straight
line separates. Here 18 columns of noise hide which two columns matter.
"""

# %%
# Rows
# ----
import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.svm import SVC

from sklearn_homeo import HomeomorphicEncryptor, SecretKey, SubspaceDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(3000, 20))
y = np.where(X[:, 4] * X[:, 11] > 0, 1, 0)
train, test = slice(0, 2000), slice(2000, None)

# %%
# What was chosen, and why
# ------------------------
# Each mark is a set of directions from which probes learnt, at the height of their
# score. The ring marks the choice: of the sets that lose nothing against all twenty
# columns, it is the one that gives away least of the data.
encryptor = HomeomorphicEncryptor(leakage="scores", key=SecretKey.generate())
encryptor.fit(X[train], y[train])
print(
    encryptor.n_preserved_, "of 20, leak", round(encryptor.preserved_variance_ratio_, 2)
)
display = SubspaceDisplay.from_estimator(encryptor)
display.ax_.set_title("Lines lose the label; two columns keep it")
plt.show()

# %%
# Rows, label space, ciphertexts
# ------------------------------
# The key turns, bends and blurs label space, and ciphertexts show it coarsely. In the
# two columns that are least correlated, the four corners are still four corners.
S, Z = encryptor.preserve(X), encryptor.transform(X)
alike = np.abs(np.corrcoef(Z, rowvar=False))
least = np.unravel_index(alike.argmin(), alike.shape)
figure, axes = plt.subplots(1, 3, figsize=(6, 2.6), layout="constrained")
panels = {
    "two of 20 columns": X[:, [4, 11]],
    "label space": S[:, :2],
    "ciphertexts": Z[:, least],
}
for ax, (title, points) in zip(axes, panels.items(), strict=True):
    for label, colour in enumerate(["#0072B2", "#E69F00"]):
        ax.scatter(*points[y == label].T, s=3, color=colour)
    ax.set_title(title)
    ax.set_xticks([])
    ax.set_yticks([])
figure.suptitle("The four corners of the label stay four corners")
plt.show()

# %%
# Models
# ------
# A linear label space would hold nothing of this label. With this one, models lose next
# to nothing.
for model in (SVC(), HistGradientBoostingClassifier()):
    plain = model.fit(X[train], y[train]).score(X[test], y[test])
    kept = model.fit(Z[train], y[train]).score(Z[test], y[test])
    print(f"{type(model).__name__}: plain {plain:.1%}, ciphertexts {kept:.1%}")
