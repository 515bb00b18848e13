"""
==================================
Search over the depth of the key
==================================

How many locks should a cipher have? The encryptor is a scikit-learn transformer, so
``GridSearchCV`` can tell what each depth costs in accuracy. For the package's cipher
the answer is nothing; for the published one it is a lot. A second figure shows whether
ciphertexts can still be decrypted.
"""

# %%
# The search
# ----------
# Two pipelines encrypt and classify 500 of scikit-learn's digits at depths of 1 to 10.
# The published cipher refuses rows that it could not decrypt again; such a depth has no
# score.
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo.baselines import TanhEncryptor
from sklearn_homeo.exceptions import (
    BrokenCipherWarning,
    InsecureKeyWarning,
    LossOfAccuracyWarning,
)

warnings.simplefilter("ignore", InsecureKeyWarning)
warnings.simplefilter("ignore", BrokenCipherWarning)
warnings.simplefilter("ignore", LossOfAccuracyWarning)
warnings.simplefilter("ignore", FitFailedWarning)
warnings.filterwarnings("ignore", message=".*test scores are non-finite")

X, y = load_digits(return_X_y=True)
X, _, y, _ = train_test_split(X, y, train_size=500, stratify=y, random_state=0)
key = SecretKey.insecure_from_seed(0)
depths = [1, 3, 6, 10]
encryptors = {
    "package": HomeomorphicEncryptor(leakage="cells", n_cells=20, key=key),
    "tanh": TanhEncryptor(key=key),
}
model = [("scaler", StandardScaler()), ("model", LogisticRegression(max_iter=500))]
searches = {
    name: GridSearchCV(
        Pipeline([("encryptor", encryptor), *model]), {"encryptor__depth": depths}, cv=3
    ).fit(X, y)
    for name, encryptor in encryptors.items()
}
searches["package"]

# %%
# Twenty cells leak at most 4.3 bits of a record. The score of plain rows comes from the
# same folds.
plain = cross_val_score(Pipeline(model), X, y, cv=3).mean()
print(f"plain           {100 * plain:.1f} %")
for name, search in searches.items():
    for depth, value in zip(depths, search.cv_results_["mean_test_score"], strict=True):
        shown = "refused" if np.isnan(value) else f"{100 * value:.1f} %"
        print(f"{name:<9}{depth:>5}  {shown}")

# %%
# Can it be decrypted?
# --------------------
# Locks compute with integers, so the holder of the key retraces each step exactly. All
# that is lost is the rounding at the start, which is the same at any depth. Matrices
# and tanh lose digits with every layer.
errors = {}
varying = X.std(axis=0) > 0
for name, encryptor in encryptors.items():
    for depth in depths:
        fitted = encryptor.set_params(depth=depth).fit(X, y)
        try:
            back = fitted.inverse_transform(fitted.transform(X))
        except ValueError:
            continue
        error = np.abs(back - X)[:, varying] / X.std(axis=0)[varying]
        errors[name, depth] = max(error.max(), 1e-17)

# %%
# More depth costs time. It costs neither accuracy nor exactness, and adds no
# protection: one lock is enough for the guarantee. Several locks are for several
# holders of keys
# (:ref:`sphx_glr_auto_examples_plot_07_key_holders.py`). Search over ``n_cells``
# instead (:ref:`sphx_glr_auto_examples_plot_10_privacy_utility_search.py`).
import matplotlib.pyplot as plt

figure, (above, below) = plt.subplots(2, 1, figsize=(6, 6.5), layout="constrained")
for name, colour in (("package", "#0072B2"), ("tanh", "#D55E00")):
    middle = 100 * searches[name].cv_results_["mean_test_score"]
    spread = 100 * searches[name].cv_results_["std_test_score"]
    above.fill_between(
        depths, middle - spread, middle + spread, color=colour, alpha=0.15
    )
    above.plot(depths, middle, "o-", color=colour)
    last = np.flatnonzero(np.isfinite(middle))[-1]
    place = depths[last] - 0.1, middle[last] + (1.2 if name == "tanh" else -1.2)
    above.text(*place, name, ha="right", color=colour)
    found = [(depth, errors[one, depth]) for one, depth in errors if one == name]
    below.semilogy(*zip(*found, strict=True), "o-", color=colour)
    label = name if errors[name, 1] > 1e-17 else f"{name}: no error"
    below.text(2, 30 * errors[name, 1], label, color=colour)
above.axhline(100 * plain, color="0.4", linestyle=":")
above.text(4.5, 100 * plain - 0.9, "plain rows", color="0.4")
above.set_ylabel("accuracy in % (band: folds)")
below.set_ylabel("largest round-trip error\nin standard deviations")
refused = [depth for depth in depths if ("tanh", depth) not in errors]
if refused:
    below.axvspan(min(refused) - 2, max(depths) + 1, color="#D55E00", alpha=0.08)
    below.text(min(refused), 1e-10, "tanh\nrefused", ha="center", color="#D55E00")
for ax in (above, below):
    ax.set_xlabel("depth (locks)")
    ax.set_xticks(depths)
figure.suptitle("More locks cost the package nothing; they ruin the tanh cipher")
plt.show()
