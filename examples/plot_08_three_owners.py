"""
==============================
Three owners train one model
==============================

Three owners have records of the same kind, and none wants to show them to the others or
to a service. They send sums, of which only the total becomes known, and get an
encryptor each: one view in common, keys of their own. One model learns from all
ciphertexts.
"""

# %%
# Three post offices
# ------------------
# All read handwritten digits. The first is large. Most digits of the second are low and
# those of the third high; it is small, and its scanner darkens one pixel. A third of
# scikit-learn's digits stays aside to test on.
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
# half. In every round he answers the plan with masked sums; whoever adds them up sees
# the total, and plans the next round.
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
# A fourth party, whom all owners trust with the key but show no record, makes the
# encryptor and gives each owner his own. None decrypts another's rows.
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
# One model on the ciphertexts of all; and, to compare, on all plain records, which
# nobody has, and on each owner's plain records. An owner encrypts queries with his own
# encryptor.
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
# not which ciphertext is of which. The view is the same in both encryptors, so he sees
# in which cell a ciphertext lies, and takes any record of this cell. The certificate
# bounds how often he is right. As pixels he guesses the mean of the cell.
view = np.floor(8 * handed_over["south"][0])
rows = owners["south"][0]
known = np.floor(8 * own["east"].transform(rows))
same = (view[:, None] == known).all(axis=2)
linked = np.mean(same.diagonal() / same.sum(axis=1))
cells = np.unique(view, axis=0, return_inverse=True)[1].ravel()
means = np.array([rows[cells == cell].mean(axis=0) for cell in range(cells.max() + 1)])
spread = rows.std(axis=0)
spread[spread == 0] = 1
left = (((rows - means[cells]) / spread) ** 2).sum()
rebuilt = 1 - left / (((rows - rows.mean(axis=0)) / spread) ** 2).sum()
bound = own["south"].certificate(rows).linking
print(f"linked:  {100 * linked:.2f} %, bound {100 * bound.one_target:.2f} %")
print(f"rebuilt: R2 {rebuilt:.3f}, bound {bound.r2:.3f}")
print(f"a cell:  {encryptor.leakage_bits_:.2f} bits of a record at most")

# %%
# The cells tell little more than the labels, which the service has anyway. The party
# that made the encryptor has the whole key and decrypts all rows, should it get them.
# And of two owners each knows the other's sums: the total without his own.
import matplotlib.pyplot as plt

figure, (left_axis, right_axis) = plt.subplots(
    1, 2, figsize=(9, 3.2), width_ratios=(1.6, 1), layout="constrained"
)
colours = ["#56B4E9"] * 3 + ["0.6", "#0072B2"]
bars = left_axis.barh(list(scores), [100 * s for s in scores.values()], color=colours)
left_axis.bar_label(bars, fmt="%.1f", padding=2)
left_axis.invert_yaxis()
left_axis.set_xlim(0, 115)
left_axis.set_xlabel("accuracy on new records in %")
names = ["linked", "R2 of pixels"]
right_axis.bar(names, [linked, rebuilt], 0.4, label="colluding owner", color="#D55E00")
right_axis.hlines(
    [bound.one_target, bound.r2],
    [-0.35, 0.65],
    [0.35, 1.35],
    color="black",
    label="bound",
)
right_axis.set_ylim(0, 1)
right_axis.legend(frameon=False)
figure.suptitle("One model serves all owners; a colluding owner stays below the bound")
plt.show()
