"""
======================
Holders of the key
======================

A key that one person holds is a key that one person can lose, sell or be forced to hand
over. Two remedies: split the key into shares of which several are needed; or let
several parties each put a lock of their own on the data, one after the other.
"""

# %%
# Split the key
# -------------
# Five holders, of whom any three bring the key back. Two shares tell nothing about it,
# whatever one computes.
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo.exceptions import (
    InsecureKeyWarning,
    InvalidCiphertextError,
    KeyShareError,
)

key = SecretKey.generate()
shares = key.split(5, threshold=3)
print(shares[0])
print(SecretKey.combine([shares[0], shares[2], shares[4]]) == key)
try:
    SecretKey.combine(shares[:2])
except KeyShareError as refusal:
    print(refusal)

# %%
# A share travels as text, with a checksum against slips of the pen.
text = shares[0].to_string()
print(f"{text[:20]}...")
try:
    SecretKey.combine([text[:-1] + ("0" if text[-1] != "0" else "1"), *shares[1:3]])
except KeyShareError as refusal:
    print(refusal)

# %%
# A chain of locks
# ----------------
# Hospital, laboratory and auditor each have a key of their own, and encrypt what the
# one before hands on. None can decrypt alone what leaves the chain, and none trusts
# another with a key. Encryptors are transformers, so the chain is a pipeline. Keys come
# from seeds here only so that the page is the same whenever it is built.
#
# An encryptor rounds what it is given to a lattice of its own. Where residues are
# locked, ciphertexts are needed back to the last bit, so that has to be the outermost;
# those further in are ``leakage="space"``, decrypt to within the rounding, and are told
# not to insist on more.
warnings.simplefilter("ignore", InsecureKeyWarning)
X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, stratify=y, random_state=0)
holders = ("hospital", "laboratory", "auditor")
keys = [SecretKey.insecure_from_seed(seed) for seed in range(3)]
chain = make_pipeline(
    HomeomorphicEncryptor(leakage="space", on_invalid="ignore", key=keys[0]),
    HomeomorphicEncryptor(leakage="space", on_invalid="ignore", key=keys[1]),
    HomeomorphicEncryptor(n_preserved=9, key=keys[2]),
)
chain.fit(X, y)
model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
stages = {"records": (X, X_new)}
for i, holder in enumerate(holders, start=1):
    stages[holder] = (chain[:i].transform(X), chain[:i].transform(X_new))
scores = {}
for name, (Z, Z_new) in stages.items():
    scores[name] = model.fit(Z, y).score(Z_new, y_new)
    print(f"model trained on what leaves the {name:<11} {100 * scores[name]:.1f} %")

# %%
# Unlocking goes backwards, each holder with their own key. The auditor goes first; a
# wrong key in that place gets a refusal. The auditor's lock alone opened, the rows are
# still locked by the other two.
Z = stages["auditor"][0]
unlocked = chain.inverse_transform(Z)
print(f"all in turn: largest error {np.abs(unlocked - X).max():.1e} grey levels of 16")
wrong = HomeomorphicEncryptor(n_preserved=9, key=SecretKey.generate())
try:
    wrong.fit(stages["laboratory"][0], y).inverse_transform(Z)
except InvalidCiphertextError:
    print("another key in the auditor's place: refused")
opened = chain[-1].inverse_transform(Z)
difference = np.abs(opened - stages["laboratory"][0]).max()
print(f"what the auditor opens is what the laboratory locked, to {difference:.1e}")

# %%
# The three are not equally strong. The auditor's lock masks; the inner ones bend, and
# fall to whoever opens the auditor's and knows pairs. If the holders act for one owner,
# splitting the key is simpler, costs no accuracy, and needs three to open what masks
# everything.
import matplotlib.pyplot as plt

figure, axes = plt.subplots(
    len(stages) + 1, 8, figsize=(7, 4.8), layout="constrained", squeeze=False
)
pictures = {name: pair[0] for name, pair in stages.items()} | {"unlocked": unlocked}
titles = {"records": "records", "unlocked": "after all have\nunlocked"}
for line, (name, rows) in zip(axes, pictures.items(), strict=True):
    limits = (0, 16) if name in titles else np.quantile(rows, (0.02, 0.98))
    for ax, row in zip(line, rows, strict=False):
        ax.imshow(row.reshape(8, 8), "gray_r", vmin=limits[0], vmax=limits[1])
        ax.set_xticks([])
        ax.set_yticks([])
    title = titles.get(name, f"locked by the\n{name}")
    if name in scores:
        title += f"\n{100 * scores[name]:.1f} % correct"
    line[0].set_ylabel(title, rotation=0, ha="right", va="center", fontsize=9)
plt.show()
