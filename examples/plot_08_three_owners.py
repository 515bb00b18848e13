"""
==============================
Three owners train one model
==============================

Three owners have records of the same kind, and none wants to show them to the others or
to a service. They send sums, of which only the total becomes known. Each of them gets
an encryptor with the same view and a key of his own, and one model learns from the
ciphertexts of all.
"""

# %%
# Three post offices
# ------------------
# All three read handwritten digits. The first office is large. The second has mostly
# low digits, the third mostly high ones; the third is small, and its scanner darkens
# one pixel. A third of scikit-learn's digits is kept for testing.
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_homeo import (
    HomeomorphicEncryptor,
    InvalidCiphertextError,
    MaskingKey,
    SecretKey,
    SummaryPlan,
)
from sklearn_homeo.exceptions import InsecureKeyWarning

warnings.simplefilter("ignore", InsecureKeyWarning)
X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, test_size=0.33, stratify=y, random_state=0)
rng = np.random.default_rng(0)
draw = rng.uniform(size=len(y))
low = y <= 4
office = np.where(draw < 0.5, 0, np.where(low ^ (draw > 0.95), 1, 2))
office[(office == 2) & (draw < 0.65)] = 0
X[office == 2, 10] += 4
owners = {
    name: (X[office == i], y[office == i])
    for i, name in enumerate(["north", "east", "south"])
}
for name, (rows, labels) in owners.items():
    print(f"{name}: {len(rows)} records, {100 * np.mean(labels <= 4):.0f} % of 0 to 4")

# %%
# Sums instead of records
# -----------------------
# Each owner draws a :class:`~sklearn_homeo.MaskingKey` and tells the others its public
# half. In every round he answers the plan with masked sums. The party that adds them up
# sees the total and plans the next round.
masks = {name: MaskingKey.generate() for name in owners}
roster = {name: mask.public for name, mask in masks.items()}
plan = SummaryPlan(64, list(range(10)), n_random_features=512, masked=True)
while True:
    sent = [
        plan.summarize(*rows).masked(name, masks[name], roster)
        for name, rows in owners.items()
    ]
    print(f"{plan.round}: {sent[0].nbytes / 1e6:.2f} MB from each")
    if plan.is_last:
        break
    plan = plan.advance(sent)

# %%
# One view, keys of their own
# ---------------------------
# A fourth party makes the encryptor and gives each owner his own. All owners trust it
# with the key, but it sees no record. No owner can decrypt another's rows.
key = SecretKey.insecure_from_seed(0)
encryptor = HomeomorphicEncryptor.from_summaries(sent, key=key)
own = {name: encryptor.for_owner(name) for name in owners}
handed_over = {
    name: (own[name].transform(rows), labels) for name, (rows, labels) in owners.items()
}
for name in owners:
    for other, (Z, _) in handed_over.items():
        try:
            own[name].inverse_transform(Z)
        except InvalidCiphertextError as error:
            print(f"{name} on {other}'s: {len(error.rows)} of {len(Z)} rows refused")

# %%
# What the service can make of it
# -------------------------------
# One model learns from the ciphertexts of all. For comparison, others learn from each
# owner's plain records, and from all plain records, which nobody has. An owner encrypts
# queries with his own encryptor.
Z = np.vstack([rows for rows, _ in handed_over.values()])
labels = np.concatenate([labels for _, labels in handed_over.values()])
model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
queries = own["south"].transform(X_new)
scores = {
    **{
        f"{name} alone, plain": model.fit(*rows).score(X_new, y_new)
        for name, rows in owners.items()
    },
    "pooled, plain": model.fit(X, y).score(X_new, y_new),
    "all ciphertexts": model.fit(Z, labels).score(queries, y_new),
}
for name, score in scores.items():
    print(f"{name:<18} {100 * score:.1f} %")

# %%
# An owner who works together with the service
# --------------------------------------------
# East gets south's ciphertexts from the service and knows all of south's records, but
# not which ciphertext belongs to which. Both encryptors have the same view, so he sees
# the cell of each ciphertext and picks a record from that cell. The certificate bounds
# how often he is right. To rebuild pixels he guesses the mean of the cell. Errors count
# in standard deviations of all owners' records, as in the certificate.
view = np.floor(8 * handed_over["south"][0])
rows = owners["south"][0]
known = np.floor(8 * own["east"].transform(rows))
same = (view[:, None] == known).all(axis=2)
linked = np.mean(same.diagonal() / same.sum(axis=1))
cells = np.unique(view, axis=0, return_inverse=True)[1].ravel()
means = np.array([rows[cells == cell].mean(axis=0) for cell in range(cells.max() + 1)])
spread = X.std(axis=0)
spread[spread == 0] = 1
left = (((rows - means[cells]) / spread) ** 2).sum()
rebuilt = 1 - left / (((rows - rows.mean(axis=0)) / spread) ** 2).sum()
bound = own["south"].certificate(rows).linking
print(f"linked:  {100 * linked:.2f} %, bound {100 * bound.one_target:.2f} %")
print(f"rebuilt: R2 {rebuilt:.3f}, bound {bound.r2:.3f}")
print(f"a cell:  {encryptor.leakage_bits_:.2f} bits of a record at most")

# %%
# The cells tell little more than the labels, which the service has anyway. The party
# that made the encryptor has the whole key, and can decrypt any rows that it gets. If
# there are only two owners, each knows the other's sums: the total less his own.
import matplotlib.pyplot as plt

figure, (above, below) = plt.subplots(
    2, 1, figsize=(6, 5.2), height_ratios=(1.7, 1), layout="constrained"
)
colours = ["#56B4E9"] * 3 + ["0.6", "#0072B2"]
bars = above.barh(list(scores), [100 * s for s in scores.values()], color=colours)
above.bar_label(bars, fmt="%.1f", padding=2)
above.set_xlim(0, 115)
above.set_xlabel("accuracy on new records in %")
names = ["records linked", "R2 of pixels"]
below.barh(names, [linked, rebuilt], 0.4, color="#D55E00")
bounds = [bound.one_target, bound.r2]
below.vlines(bounds, [-0.35, 0.65], [0.35, 1.35], color="black")
for place, value in enumerate(bounds):
    below.text(value + 0.01, place, f"bound {value:.2f}", va="center")
below.set_xlim(0, 1)
below.set_xlabel("what an owner who works with the service gets")
for ax in (above, below):
    ax.invert_yaxis()
figure.suptitle("One model serves all; a colluding owner keeps to the bound")
plt.show()
