"""Tables of image features, from folders of images or from a file of features."""

from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

__all__ = ["limited", "load_features", "load_images"]


def load_features(path):
    """Read a .npz file with X and y, or with X_train, y_train, X_test and y_test."""
    path = Path(path)
    with np.load(path) as file:
        if "X" in file:
            X, y = file["X"], file["y"]
        else:
            X = np.vstack([file["X_train"], file["X_test"]])
            y = np.append(file["y_train"], file["y_test"])
    return _table(path.stem, X, y)


def load_images(*paths):
    """Compute features of folders with one sub-folder a class, one after the other."""
    # Loads torch, which tables do without.
    from sklearn_homeo import ImageFeatureExtractor
    from sklearn_homeo.datasets import load_image_folder

    folders = [load_image_folder(path) for path in paths]
    names = [np.array(folder.target_names)[folder.target] for folder in folders]
    files = np.concatenate([folder.filenames for folder in folders])
    X = ImageFeatureExtractor(n_jobs=2, verbose=1).fit_transform(files)
    return _table(Path(paths[0]).name, X, np.concatenate(names))


def limited(table, max_rows, max_features, seed):
    """Random rows and the columns of greatest variance; None keeps all of them."""
    rows = np.random.RandomState(seed).permutation(len(table.X))
    rows = np.sort(rows[:max_rows])
    columns = np.sort(np.argsort(-table.X.var(axis=0))[:max_features])
    return Bunch(name=table.name, X=table.X[np.ix_(rows, columns)], y=table.y[rows])


def _table(name, X, y):
    return Bunch(name=name, X=X.astype(np.float64), y=y, task="classification")
