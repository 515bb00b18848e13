"""
===================================
Two owners train one model
===================================

Two owners have one-sided records each. They share a key and a fitted encryptor, encrypt
at home, and a service trains one model on the ciphertexts of both: neither owner hands
a record to the other beyond a small sample, and none to the service.
"""

# %%
# Two post offices
# ----------------
# Both read handwritten digits. In A's part of the country postcodes are made of 0 to 4,
# in B's of 5 to 9, with few exceptions. A third of scikit-learn's digits stays aside to
# test on.
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo.exceptions import InsecureKeyWarning

warnings.simplefilter("ignore", InsecureKeyWarning)
X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, test_size=0.33, stratify=y, random_state=0)
rng = np.random.default_rng(0)
at_a = (y <= 4) ^ (rng.uniform(size=len(y)) < 0.03)
owners = {"A": (X[at_a], y[at_a]), "B": (X[~at_a], y[~at_a])}
for name, (rows, labels) in owners.items():
    print(f"{name}: {len(rows)} records, {100 * np.mean(labels <= 4):.0f} % of 0 to 4")

# %%
# One key, one encryptor
# ----------------------
# The encryptor is learnt from data, and both must use the same one: someone fits it and
# passes on its sealed file (``encryptor.save``), which the key opens. Here A fits it to
# samples of both, 100 records each, which they agree to show
# each other; similar records that are public would do as well.
shared = [rng.permutation(len(rows))[:100] for rows, _ in owners.values()]
sample = [
    np.concatenate([part[i] for part, i in zip(parts, shared, strict=True)])
    for parts in zip(*owners.values(), strict=True)
]
key = SecretKey.insecure_from_seed(0)
encryptor = HomeomorphicEncryptor(leakage="scores", n_preserved=9, key=key).fit(*sample)
handed_over = {
    name: (encryptor.transform(rows), labels) for name, (rows, labels) in owners.items()
}

# %%
# What the service can make of it
# -------------------------------
# Trained on the ciphertexts of one owner, of the other, and of both; and, to compare,
# on all plain records, which nobody has.
Z_new = encryptor.transform(X_new)
both = tuple(np.concatenate(parts) for parts in zip(*handed_over.values(), strict=True))
model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
scores = {
    "A alone": model.fit(*handed_over["A"]).score(Z_new, y_new),
    "B alone": model.fit(*handed_over["B"]).score(Z_new, y_new),
    "both": model.fit(*both).score(Z_new, y_new),
    "plain, pooled": model.fit(X, y).score(X_new, y_new),
}
for name, score in scores.items():
    print(f"{name:<14} {100 * score:.1f} %")

# %%
# Had each used a key of their own, the parts would not fit together, and queries are
# encrypted with a third:
alone = [
    clone(encryptor).set_params(key=SecretKey.insecure_from_seed(seed)).fit(*sample)
    for seed in (1, 2)
]
alone = [
    own.transform(rows) for own, (rows, _) in zip(alone, owners.values(), strict=True)
]
mixed = np.vstack(alone), np.concatenate([labels for _, labels in owners.values()])
own_keys = model.fit(*mixed).score(Z_new, y_new)
print(f"different keys {100 * own_keys:.1f} %")

# %%
# Note what this is not. Both owners have the key, so each can read what the other hands
# to the service, should they get hold of it; and a view that was learnt from few
# records keeps less of the label. If owners do not trust each other, :ref:`a chain
# of locks <sphx_glr_auto_examples_plot_07_key_holders.py>` or secure multi-party
# computation is the tool.
import matplotlib.pyplot as plt
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

plane = LinearDiscriminantAnalysis(n_components=2).fit(*both)
figure, (above, below) = plt.subplots(
    2, 1, figsize=(6, 7), height_ratios=(1.6, 1), layout="constrained"
)
for name, marker in (("A", "o"), ("B", "^")):
    Z, labels = handed_over[name]
    above.scatter(
        *plane.transform(Z).T,
        c=labels,
        cmap="tab10",
        vmin=0,
        vmax=9,
        marker=marker,
        s=18,
        alpha=0.7,
        label=name,
    )
above.set_title("what the service has (colour: label)")
above.set_xlabel("first discriminant axis")
above.set_ylabel("second discriminant axis")
legend = above.legend(title="owner", frameon=False)
for handle in legend.legend_handles:
    handle.set_color("0.4")
names = [*scores, "different keys"]
values = [100 * value for value in (*scores.values(), own_keys)]
colours = ["#56B4E9", "#56B4E9", "#0072B2", "0.6", "#D55E00"]
bars = below.barh(names, values, color=colours)
below.bar_label(bars, fmt="%.1f", padding=2)
below.invert_yaxis()
below.set_xlim(0, 110)
below.set_xlabel("accuracy on new records in %")
plt.show()
