"""
==================================
Search over the depth of the key
==================================

How many locks should a cipher have? The encryptor is a scikit-learn transformer, so
``GridSearchCV`` answers for accuracy, here for the package's cipher and for the
published one. Two more curves answer whether what was encrypted can still be decrypted.
"""

# %%
# The search
# ----------
# 500 of scikit-learn's digits; a pipeline that encrypts and classifies; depths of 1 to
# 13 under two ciphers. The published cipher refuses rows that it could not decrypt
# again, which counts as no score.
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_homeo import HomeomorphicEncryptor, SecretKey, TanhEncryptor
from sklearn_homeo.exceptions import BrokenCipherWarning, InsecureKeyWarning

warnings.simplefilter("ignore", InsecureKeyWarning)
warnings.simplefilter("ignore", BrokenCipherWarning)
warnings.simplefilter("ignore", FitFailedWarning)
warnings.filterwarnings("ignore", message=".*test scores are non-finite")

X, y = load_digits(return_X_y=True)
X, _, y, _ = train_test_split(X, y, train_size=500, stratify=y, random_state=0)
key = SecretKey.insecure_from_seed(0)
depths = [1, 3, 8, 13]
encryptors = {
    "AES": HomeomorphicEncryptor(leakage="scores", n_preserved=9, key=key),
    "tanh": TanhEncryptor(key=key),
}
pipeline = Pipeline(
    [
        ("encryptor", encryptors["AES"]),
        ("scaler", StandardScaler()),
        ("model", LogisticRegression(max_iter=500)),
    ]
)
search = GridSearchCV(
    pipeline,
    {"encryptor": list(encryptors.values()), "encryptor__depth": depths},
    cv=3,
)
search.fit(X, y)
search

# %%
# Nine directions are what linear discriminant analysis finds for ten classes;
# ``n_preserved="auto"`` would search for the number in each fold. The plain score, in
# the same folds:
plain = cross_val_score(make_pipeline(*pipeline[1:]), X, y, cv=3).mean()
results = search.cv_results_
means = results["mean_test_score"].reshape(2, -1)
scores = dict(zip(encryptors, means, strict=True))
print(f"plain           {100 * plain:.1f} %")
for cipher, values in scores.items():
    for depth, value in zip(depths, values, strict=True):
        shown = "refused" if np.isnan(value) else f"{100 * value:.1f} %"
        print(f"{cipher:<9}{depth:>5}  {shown}")

# %%
# Can it be decrypted?
# --------------------
# The cipher computes with integers, and a key holder retraces each step bit for bit.
# What is left is the rounding to the lattice at the start, the same at any depth.
# Matrices and tanh lose digits with every layer.
errors = {}
for cipher in scores:
    for depth in depths:
        encryptor = clone(encryptors[cipher]).set_params(depth=depth).fit(X, y)
        varying = X.std(axis=0) > 0
        try:
            back = encryptor.inverse_transform(encryptor.transform(X))
        except ValueError:
            continue
        error = np.abs(back - X)[:, varying] / X.std(axis=0)[varying]
        errors[cipher, depth] = error.max()

# %%
# Depth costs the cipher no accuracy and no exactness, only time: the scores differ by
# the keys of the views. Take the default, and search over ``linkage_noise`` or
# ``n_preserved`` instead
# (:ref:`sphx_glr_auto_examples_plot_10_privacy_utility_search.py`).
import matplotlib.pyplot as plt

figure, (above, below) = plt.subplots(2, 1, figsize=(6, 6.5), layout="constrained")
spreads = dict(zip(scores, results["std_test_score"].reshape(2, -1), strict=True))
for cipher, colour in (("AES", "#0072B2"), ("tanh", "#D55E00")):
    spread = spreads[cipher]
    middle = 100 * scores[cipher]
    above.fill_between(
        depths, middle - 100 * spread, middle + 100 * spread, color=colour, alpha=0.15
    )
    above.plot(depths, middle, "o-", color=colour, label=cipher)
    found = [(depth, errors[one, depth]) for one, depth in errors if one == cipher]
    below.semilogy(*zip(*found, strict=True), "o-", color=colour, label=cipher)
above.axhline(100 * plain, color="0.4", linestyle=":", label="plain")
above.set_ylabel("accuracy in % (band: folds)")
below.set_ylabel("largest round-trip error\nin standard deviations")
refused = [depth for depth in depths if ("tanh", depth) not in errors]
if refused:
    below.axvspan(min(refused) - 2, max(depths) + 1, color="#D55E00", alpha=0.08)
    below.text(min(refused), 1e-10, "tanh\nrefused", ha="center", color="#D55E00")
for ax in (above, below):
    ax.set_xlabel("depth (locks)")
    ax.set_xticks(depths)
    ax.legend(frameon=False)
plt.show()
