"""
=====================================
The audit, and the paper's 90 % leak
=====================================

The paper claims that an attacker who knows more than 90 % of the records and their
ciphertexts cannot recover the others. Here that attack is carried out, on the published
cipher and on the package's own, followed by the whole battery of attacks.
"""

# %%
# The leak
# --------
# The records are scikit-learn's digits. The attacker knows 90 % of the pairs and learns
# from them to turn ciphertexts into records. *Re-identified* is the share of the other
# 10 % that he tells apart from each other.
import warnings

import numpy as np
from sklearn.datasets import load_digits

from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo.audit import known_plaintext_attack
from sklearn_homeo.baselines import TanhEncryptor
from sklearn_homeo.exceptions import BrokenCipherWarning, InsecureKeyWarning

warnings.simplefilter("ignore", InsecureKeyWarning)
warnings.simplefilter("ignore", BrokenCipherWarning)
X, y = load_digits(return_X_y=True)
key = SecretKey.insecure_from_seed(0)
encryptors = {
    "tanh": TanhEncryptor(key=key),
    "package": HomeomorphicEncryptor(leakage="cells", key=key),
}
ciphertexts = {
    cipher: encryptor.fit(X, y).transform(X) for cipher, encryptor in encryptors.items()
}
attacks = ("ridge", "Procrustes", "forward ridge")
for cipher, Z in ciphertexts.items():
    found = known_plaintext_attack(Z, X, leak=0.9, attacks=attacks, random_state=0)
    print(
        f"{cipher:<9} R2 {found.r2:.3f}, re-identified {100 * found.rate:.0f} %", end=""
    )
    print(f" by {found.choice}")

# %%
# The published cipher is nearly linear, and ridge regression inverts it. From
# the package's cipher the attacker rebuilds what the cells show: the average digit of
# each cell.
#
# How many pairs does it take?
from sklearn_homeo.audit import known_plaintext_curve

curves = {
    cipher: known_plaintext_curve(Z, X, attacks=attacks, random_state=0)
    for cipher, Z in ciphertexts.items()
}

# %%
# The battery
# -----------
# ``privacy_audit`` runs attacks of every kind under several keys, along with controls
# that must be broken or must show nothing. ``"quick"`` is for a page like this one; the
# default takes longer and finds more.
from sklearn.datasets import load_breast_cancer

from sklearn_homeo.audit import privacy_audit

report = privacy_audit(
    HomeomorphicEncryptor(key=key),
    *load_breast_cancer(return_X_y=True),
    attacks="quick",
    n_keys=2,
    random_state=0,
)
print(report)

# %%
# Look for the line of the attacker whom you have to expect. The bounds at the end are
# those that no attacker exceeds.

# %%
# The attacker's pictures
# -----------------------
# This is the attack by hand: a ridge regression from ciphertexts to pixels is fitted to
# nine tenths of the pairs and applied to the others.
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

order = np.random.default_rng(0).permutation(len(X))
leaked, hidden = order[: int(0.9 * len(X))], order[int(0.9 * len(X)) :]
rebuilt = {}
for cipher, Z in ciphertexts.items():
    attacker = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-8, 3, 12)))
    rebuilt[cipher] = attacker.fit(Z[leaked], X[leaked]).predict(Z[hidden])

# %%
# The upper panels show the share of records that are told apart and how much of them is
# rebuilt; 0 is no more than the mean picture, and estimates below 0 are drawn as 0. The
# pictures are digits that the attacker has not seen. The published cipher gives each of
# them back. From the package's cipher he gets the average picture of the class, which
# anybody who knows the labels can draw; labels are not secret.
import matplotlib.pyplot as plt

colours = {"tanh": "#D55E00", "package": "#0072B2"}
figure = plt.figure(figsize=(6.5, 6.8), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=(1, 1.25))
panels = {
    "rate": "told apart: all, or hardly any",
    "r2": "rebuilt (R2): most, or the class",
}
for ax, (measure, title) in zip(above.subplots(1, 2), panels.items(), strict=True):
    for cipher, colour in colours.items():
        curve = curves[cipher]
        heights = np.maximum(getattr(curve, measure), 0)
        ax.semilogx(curve.n_leaked, heights, "o-", color=colour)
        ax.annotate(
            cipher,
            (curve.n_leaked[-1], heights[-1]),
            (0, 8 if heights[-1] < 0.2 else -14),
            textcoords="offset points",
            ha="right",
            color=colour,
        )
    ax.set(ylim=(-0.05, 1.05), xlabel="known pairs")
    ax.set_title(title, fontsize=10)

average = np.array([X[leaked][y[leaked] == label].mean(axis=0) for label in range(10)])
rows = {
    "record": X[hidden],
    "attacked:\ntanh": rebuilt["tanh"],
    "attacked:\npackage": rebuilt["package"],
    "average\nof the class": average[y[hidden]],
}
grid = below.subplots(len(rows), 8)
for line, (name, pictures) in zip(grid, rows.items(), strict=True):
    for ax, picture in zip(line, pictures, strict=False):
        ax.imshow(picture.reshape(8, 8), "gray_r", vmin=0, vmax=16)
        ax.set_xticks([])
        ax.set_yticks([])
    line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
figure.suptitle("The published cipher gives away the record, the package the class")
plt.show()
