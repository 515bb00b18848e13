"""
===========================================
Decrypt the model: compose it at home
===========================================

The service hands back a model of ciphertexts. With the encryptor in front of it, it is
a model of records: the *decrypted model*. That one can be explained like any other; the
service's copy cannot.
"""

# %%
# A model from the service
# ------------------------
# The label is a number, the progression of diabetes after a year, and there are ten
# measurements. The service trains support vectors on ciphertexts.
import warnings

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo.exceptions import InsecureKeyWarning

warnings.simplefilter("ignore", InsecureKeyWarning)
X, y = load_diabetes(return_X_y=True, as_frame=True)
X, X_new, y, y_new = train_test_split(X, y, random_state=1)
encryptor = HomeomorphicEncryptor(n_preserved=2, key=SecretKey.insecure_from_seed(0))
Z = encryptor.fit(X, y).transform(X)
from_the_service = make_pipeline(StandardScaler(), SVR(C=100, gamma=0.01)).fit(Z, y)

# %%
# At home
# -------
# Composing fits nothing, since both steps are fitted already. A model of plain records
# is there for comparison.
decrypted = make_pipeline(encryptor, from_the_service)
plain = make_pipeline(StandardScaler(), SVR(C=100, gamma=0.01)).fit(X, y)
print(f"R2 of the decrypted model {decrypted.score(X_new, y_new):.3f}")
print(f"R2 of the plain model     {plain.score(X_new, y_new):.3f}")
decrypted

# %%
# The answers are the same whether the service answers an encrypted query or the owner
# uses the composed model.
answers = from_the_service.predict(encryptor.transform(X_new))
print(np.array_equal(decrypted.predict(X_new), answers))

# %%
# What does the model look at?
# ----------------------------
# The ten inputs of the service's copy have no meaning, since each is a mixture of all
# columns. The decrypted model has the owner's columns, and scikit-learn's inspection
# works on it.
from sklearn.inspection import permutation_importance

importances = {
    name: permutation_importance(
        model, rows, y_new, n_repeats=20, random_state=0
    ).importances_mean
    for name, model, rows in (
        ("plain model", plain, X_new),
        ("decrypted model", decrypted, X_new),
        ("service's copy", from_the_service, encryptor.transform(X_new)),
    )
}

# %%
# The upper panels show how important each input is to the three models. The lower ones
# show how the two models with meaningful inputs depend on the body-mass index and on a
# serum measurement.
import matplotlib.pyplot as plt
from sklearn.inspection import PartialDependenceDisplay

colours = {"plain model": "0.6", "decrypted model": "#0072B2"}
colours["service's copy"] = "#D55E00"
figure = plt.figure(figsize=(6, 6.5), layout="constrained")
above, below = figure.subfigures(2, 1)
axes = above.subplots(1, 3, sharex=True)
for ax, (name, values) in zip(axes, importances.items(), strict=True):
    labels = list(X.columns) if name in ("plain model", "decrypted model") else None
    labels = labels or [f"z{i}" for i in range(X.shape[1])]
    ax.barh(labels, values, color=colours[name])
    ax.invert_yaxis()
    ax.set_title(name)
axes[1].set_xlabel("loss of R2 if the column is shuffled")
axes = below.subplots(1, 2, sharey=True)
for name, model in (("plain model", plain), ("decrypted model", decrypted)):
    PartialDependenceDisplay.from_estimator(
        model,
        X_new,
        ["bmi", "s5"],
        ax=axes,
        line_kw={"color": colours[name], "label": name},
    )
for ax in axes:
    ax.locator_params(axis="x", nbins=4)
axes[1].get_legend().remove()
figure.suptitle("The decrypted model explains itself; the service's copy cannot")
plt.show()
