"""Several owners, one model: what it gains, and what an owner gets of the others' rows.

Three owners of unequal size and class balance, one of whom measures a column with a
shift. All have one view and keys of their own (`for_owner`). Five models learn from the
ciphertexts of all owners, from pooled plain rows, and from the plain rows of each owner
alone; accuracies are means over models and repeats, on the same held-out rows. Then
each owner tries to link and to decrypt the others' ciphertexts, every time by draws of
his own.

    python benchmarks/shared_view.py --repeats 3
"""

import argparse
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.audit import colluding_owner_attack

MODELS = [
    LogisticRegression(max_iter=2000),
    SVC(),
    KNeighborsClassifier(),
    RandomForestClassifier(random_state=0),
    HistGradientBoostingClassifier(max_iter=50, random_state=0),
]
SHARES = (0.6, 0.3, 0.1)
SHIFT = 0.3  # standard deviations of the first column, at the last owner


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for load in (load_breast_cancer, load_digits):
        found = [measure(*load(return_X_y=True), i) for i in range(options.repeats)]
        plain, joint, alone, linked, bound, accepted = np.mean(found, axis=0)
        print(
            f"{load.__name__}: pooled plain rows {plain:.1%}, all owners' ciphertexts "
            f"{joint:.1%}, best owner alone {alone:.1%}; another owner links "
            f"{linked:.1%} (bound {bound:.1%}) and decrypts {accepted:.0f} rows"
        )


def measure(X, y, seed):
    """Accuracies, and what owners get of each other, for one split."""
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=seed
    )
    owner = dealt(y, seed)
    X = X.copy()
    X[owner == 2, 0] += SHIFT * X[:, 0].std()
    whole = HomeomorphicEncryptor().fit(X, y)
    owners = [whole.for_owner(f"owner {i}") for i in range(3)]
    Z = np.concatenate([owners[i].transform(X[owner == i]) for i in range(3)])
    labels = np.concatenate([y[owner == i] for i in range(3)])
    plain = accuracy(X, y, X_test, y_test)
    joint = accuracy(Z, labels, owners[0].transform(X_test), y_test)
    alone = [accuracy(X[owner == i], y[owner == i], X_test, y_test) for i in range(3)]
    attacks = [
        colluding_owner_attack(
            owners[i],
            owners[j].transform(X[owner == j]),
            X[owner == j],
            random_state=100 * seed + 10 * i + j,
        )
        for i in range(3)
        for j in range(3)
        if i != j
    ]
    linked = np.mean([attack.rate for attack in attacks])
    bound = np.mean([attack.bound for attack in attacks])
    accepted = sum(attack.n_decrypted for attack in attacks)
    return plain, joint, max(alone), linked, bound, accepted


def dealt(y, seed):
    """The owner of each row: classes in other proportions at each of them."""
    rng = np.random.default_rng(seed)
    owner = np.empty(len(y), dtype=int)
    for label in np.unique(y):
        weights = np.array(SHARES) * rng.uniform(0.5, 1.5, 3)
        rows = np.flatnonzero(y == label)
        owner[rows] = rng.choice(3, len(rows), p=weights / weights.sum())
    return owner


def accuracy(X, y, X_test, y_test):
    """Mean over the models."""
    pipelines = [make_pipeline(StandardScaler(), clone(model)) for model in MODELS]
    return np.mean([p.fit(X, y).score(X_test, y_test) for p in pipelines])


if __name__ == "__main__":
    main()
