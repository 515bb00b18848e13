"""
==================
Encrypt a table
==================

A hospital has records and diagnoses, and wants a service to train a model without
seeing the records. It encrypts them, hands over ciphertexts and labels, and queries the
model with ciphertexts. The second part does the same in two dimensions, where the cells
can be drawn.
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
print(f"The view names one of {encryptor.n_cells_} cells: it leaks at most", end=" ")
print(f"{encryptor.leakage_bits_:.0f} bits of a record. The rest is encrypted.")

# %%
# The service's side
# ------------------
# It receives ``Z`` and ``y`` and trains any model it likes. The same model on plain
# records is there for comparison.
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
# Anyone who has the fitted encryptor can decrypt, exactly up to the rounding of the
# lattice. With another key, decryption refuses.
error = np.abs(encryptor.inverse_transform(Z) - X) / X.std(axis=0)
print(f"largest error {error.max():.1e} standard deviations")

other = HomeomorphicEncryptor(key=SecretKey.insecure_from_seed(1)).fit(X, y)
try:
    other.inverse_transform(Z)
except InvalidCiphertextError as refusal:
    print(str(refusal).split(":")[0])

# %%
# What leaks, in numbers
# ----------------------
# The certificate states what is proved and what that means for these records: the
# largest share that anybody can link to their ciphertexts, next to what the labels
# alone allow.
print(encryptor.certificate(X, y))

# %%
# Two features, to look at
# ------------------------
# This encryptor cuts the plane of the mean radius and the mean texture into eight
# cells.
X_2 = X[:, :2]
flat = HomeomorphicEncryptor(leakage="cells", n_cells=8, key=key).fit(X_2, y)
Z_2 = flat.transform(X_2)
print(f"{flat.n_cells_} cells; ciphertexts of {Z_2.shape[1]} columns")

# %%
# The encryptor followed by a model of ciphertexts is a model of plain records: the
# *decrypted model*.
from sklearn.neighbors import KNeighborsClassifier

neighbours = make_pipeline(StandardScaler(), KNeighborsClassifier(25)).fit(Z_2, y)
decrypted_model = make_pipeline(flat, neighbours)

# %%
# Panel (a) shows the records, and (b) the cells: all records of a cell have one view,
# so nobody can tell them apart. Panel (c) shows what the service has. Each cell is a
# small cloud, in which a record's place is random. Panel (d) is the decrypted model.
import matplotlib.pyplot as plt
from matplotlib.colors import ListedColormap

blue, orange = "#0072B2", "#D55E00"
colours = np.where(y == 1, blue, orange)
light = ListedColormap(["#f6d6c2", "#c6dff0"])
margin = 0.04 * np.ptp(X_2, axis=0)
low, high = X_2.min(axis=0) - margin, X_2.max(axis=0) + margin
columns, rows = np.meshgrid(*np.linspace(low, high, 200).T)
plane = np.column_stack([columns.ravel(), rows.ravel()])
_, cell_of_plane = np.unique(flat.preserve(plane), axis=0, return_inverse=True)

figure, axes = plt.subplots(2, 2, figsize=(6, 6), layout="constrained")
axes[0, 0].scatter(*X_2.T, c=colours, s=9)
axes[0, 0].text(8, 36, "benign", color=blue)
axes[0, 0].text(22, 36, "malignant", color=orange)
axes[0, 0].set_title("(a) records")
cells = cell_of_plane.reshape(columns.shape)
axes[0, 1].pcolormesh(columns, rows, cells, cmap="Greys", vmin=-1, vmax=18)
axes[0, 1].scatter(*X_2.T, c=colours, s=5)
axes[0, 1].set_title("(b) eight cells")
axes[1, 0].scatter(*Z_2[:, :2].T, c=colours, s=9)
axes[1, 0].set_title("(c) ciphertexts")
axes[1, 0].set_xlabel("column 1 of 5")
axes[1, 0].set_ylabel("column 2 of 5")
answers = decrypted_model.predict(plane).reshape(columns.shape)
axes[1, 1].pcolormesh(columns, rows, answers, cmap=light)
axes[1, 1].scatter(*X_2.T, c=colours, s=5)
axes[1, 1].set_title("(d) decrypted model")
for ax in (axes[0, 0], axes[0, 1], axes[1, 1]):
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.set_xlabel("mean radius")
    ax.set_ylabel("mean texture")
figure.suptitle("Eight cells are enough to tell benign from malignant")
plt.show()
