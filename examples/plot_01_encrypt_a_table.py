"""
==================
Encrypt a table
==================

A hospital has records and diagnoses, and wants a service to train a model without
seeing the records. It encrypts them, hands over ciphertexts and labels, and queries the
model with ciphertexts. Then the same in two dimensions, where one can look at what the
encryptor does to the plane.
"""

# %%
# The owner's side
# ----------------
# A key is 32 random bytes. This page uses a seed, so that it shows the same figures
# whenever it is built; for real data take ``SecretKey.generate()``.
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from sklearn_homeo import HomeomorphicEncryptor, SecretKey
from sklearn_homeo.exceptions import InsecureKeyWarning, InvalidCiphertextError

warnings.simplefilter("ignore", InsecureKeyWarning)

X, y = load_breast_cancer(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, stratify=y, random_state=0)

key = SecretKey.insecure_from_seed(0)
encryptor = HomeomorphicEncryptor(depth=3, key=key).fit(X, y)
Z = encryptor.transform(X)
print(f"{encryptor.n_preserved_} of {X.shape[1]} directions carry the label; they are")
print(f"rotated and bent. The other {X.shape[1] - encryptor.n_preserved_} are masked.")

# %%
# The service's side
# ------------------
# It receives ``Z`` and ``y`` and trains what it likes; for comparison, the same model
# on plain records.
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

model = make_pipeline(StandardScaler(), LogisticRegression())
plain = model.fit(X, y).score(X_new, y_new)
encrypted = model.fit(Z, y).score(encryptor.transform(X_new), y_new)
print(f"accuracy on plain records     {plain:.3f}")
print(f"accuracy on encrypted records {encrypted:.3f}")

# %%
# Back at the owner's
# -------------------
# Whoever has the fitted encryptor decrypts, exactly to the rounding of the lattice.
# With another key, decryption refuses.
error = np.abs(encryptor.inverse_transform(Z) - X) / X.std(axis=0)
print(f"largest error {error.max():.1e} standard deviations")

other = HomeomorphicEncryptor(key=SecretKey.insecure_from_seed(1)).fit(X, y)
try:
    other.inverse_transform(Z)
except InvalidCiphertextError as refusal:
    print(str(refusal).split(":")[0])

# %%
# Two features, where one can look
# --------------------------------
# The mean radius and the mean texture. Nothing forbids the encryptor two features, but
# it then has only one direction to mask, and says so.
from sklearn_homeo.exceptions import NoProtectionWarning

warnings.simplefilter("ignore", NoProtectionWarning)
X_2, X_2_new = X[:, :2], X_new[:, :2]
flat = HomeomorphicEncryptor(n_preserved=1, key=key).fit(X_2, y)

# %%
# A model that was trained on ciphertexts colours the plane of ciphertexts. Composed
# with the encryptor it colours the plane of records: that is the decrypted model.
from sklearn.neighbors import KNeighborsClassifier

neighbours = make_pipeline(StandardScaler(), KNeighborsClassifier(25))
neighbours.fit(flat.transform(X_2), y)
decrypted_model = make_pipeline(flat, neighbours)

# %%
# The paper's figures 1 and 2 (a-d), with data. The masked direction is a hundredth as
# wide as the preserved one, so the ciphertexts are drawn in their principal axes, each
# scaled to variance 1, which the service can do as well. The order along the first axis
# is kept, and with it the classes. Along the second, records that were neighbours land
# anywhere: the lines of a grid over the records become clouds of points.
import matplotlib.pyplot as plt
from matplotlib.colors import ListedColormap
from sklearn.decomposition import PCA

blue, orange = "#0072B2", "#D55E00"
colours = np.where(y == 1, blue, orange)
light = ListedColormap(["#f6d6c2", "#c6dff0"])
axes_of_ciphertexts = PCA(2, whiten=True).fit(flat.transform(X_2))


def view(records):
    return axes_of_ciphertexts.transform(flat.transform(records))


figure, axes = plt.subplots(2, 2, figsize=(7, 6.5), layout="constrained")
axes[0, 0].scatter(*X_2.T, c=colours, s=9)
axes[0, 0].set_title("(a) records, and a grid over them")
axes[0, 1].scatter(*view(X_2).T, c=colours, s=9)
axes[0, 1].set_title("(b) ciphertexts")

low, high = X_2.min(axis=0), X_2.max(axis=0)
steps = low + np.linspace(0, 1, 300)[:, None] * (high - low)
for share in np.linspace(0, 1, 9):
    for axis in (0, 1):
        line = steps.copy()
        line[:, axis] = low[axis] + share * (high - low)[axis]
        colour = plt.cm.viridis(share)
        if axis == 0:
            axes[1, 0].plot(*view(line).T, ".", color=colour, markersize=3)
        axes[0, 0].plot(*line.T, color=colour if axis == 0 else "0.85", zorder=0)
axes[1, 0].set_title("(c) the grid's coloured lines, encrypted")
for ax in (axes[0, 1], axes[1, 0]):
    ax.set_xlabel("first principal axis")
    ax.set_ylabel("second principal axis")

columns, rows = np.meshgrid(*np.linspace(low, high, 200).T)
plane = np.column_stack([columns.ravel(), rows.ravel()])
axes[1, 1].pcolormesh(
    columns, rows, decrypted_model.predict(plane).reshape(columns.shape), cmap=light
)
axes[1, 1].scatter(*X_2.T, c=colours, s=5)
axes[1, 1].set_title("(d) the decrypted model at home")
for ax in (axes[0, 0], axes[1, 1]):
    ax.set_xlabel("mean radius")
    ax.set_ylabel("mean texture")
plt.show()
