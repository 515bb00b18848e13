"""
=====================================
The audit, and the paper's 90 % leak
=====================================

The paper claims that an attacker who knows more than 90 % of the records and their
ciphertexts cannot recover the others. Here that attack is carried out, on the published
cipher and on the package's own, and then the whole battery.
"""

# %%
# The leak
# --------
# Scikit-learn's digits. The attacker knows 90 % of the pairs and learns from them to
# turn ciphertexts into records; *re-identified* is the share of the other 10 % that are
# told apart among themselves.
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
# ``privacy_audit`` runs attackers of every kind under several keys, along with controls
# that must be broken or must show nothing. *Quick* is for a page like this one; the
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
# Read it line by line: which attacker is yours? And read the last line.

# %%
# The attacker's pictures
# -----------------------
# The attack by hand: ridge regression from ciphertexts to pixels, fitted to nine tenths
# of the pairs, applied to the others.
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
# Above, the curves; below, digits that the attacker has not seen, and what they get.
import matplotlib.pyplot as plt

figure = plt.figure(figsize=(6, 6.5), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=(1.3, 1))
ax = above.subplots()
for cipher, colour in (("tanh", "#D55E00"), ("package", "#0072B2")):
    curve = curves[cipher]
    ax.semilogx(curve.n_leaked, curve.r2, "s-", color=colour, label=f"{cipher}: R2")
    ax.semilogx(
        curve.n_leaked,
        curve.rate,
        "o--",
        color=colour,
        label=f"{cipher}: re-identified",
    )
ax.axhline(curve.chance, color="0.5", linestyle=":", label="chance")
ax.set_ylim(-0.05, 1.05)
ax.set_xlabel("known pairs")
ax.set_ylabel("attacker's best")
ax.legend(frameon=False, fontsize=8)
rows = {"record": X[hidden], "attacked\ntanh": rebuilt["tanh"]}
rows["attacked\npackage"] = rebuilt["package"]
grid = below.subplots(3, 8)
for line, (name, pictures) in zip(grid, rows.items(), strict=True):
    for ax, picture in zip(line, pictures, strict=False):
        ax.imshow(picture.reshape(8, 8), "gray_r", vmin=0, vmax=16)
        ax.set_xticks([])
        ax.set_yticks([])
    line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
plt.show()
