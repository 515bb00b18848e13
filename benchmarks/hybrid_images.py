"""Synthetic images, plain and within the encrypted space, as a grid of pictures.

Images are turned into codes by an autoencoder. A synthesizer of codes gives synthetic
images; a synthesizer of encrypted codes gives hybrid ones: decoded as they are, they
are what a service sees; decrypted first, what the key holder sees.

    python benchmarks/hybrid_images.py
    python benchmarks/hybrid_images.py --data images/train --max-epochs 30

Writes hybrid_images.png and prints the accuracy of models trained on each kind of code.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from fixed_keys import fixed_key
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from sklearn_homeo import HomeomorphicEncryptor, ImageAutoencoder
from sklearn_homeo._utils.plotting import make_figure
from sklearn_homeo.datasets import load_image_folder
from sklearn_homeo.demo.evaluation import make_models, score_models
from sklearn_homeo.demo.hybrid import synthesize

SHOWN = 6
MAX_CLASSES = 4


def main(argv=None):
    options = _parse(argv)
    try:
        data = _load(options)
    except (OSError, ValueError) as error:
        print(f"hybrid_images.py: error: {error}", file=sys.stderr)
        return 2
    made = _make(data, options)
    _print_scores(made)
    path = Path(options.out) / "hybrid_images.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    _draw(made, data.names, path)
    print(f"\nFigure in {path}")
    return 0


def _make(data, options):
    """Codes of every kind, to train on and to test on, and what decodes them."""
    train, test = train_test_split(
        np.arange(len(data.y)), test_size=0.25, stratify=data.y, random_state=0
    )
    images = np.asarray(data.X)
    autoencoder = ImageAutoencoder(
        options.n_components,
        image_shape=data.image_shape,
        max_epochs=options.max_epochs,
        random_state=0,
        verbose=1,
    ).fit(images[train])
    # Codes have components of variance 1; ciphertexts are as large.
    codes, codes_test = (autoencoder.transform(images[rows]) for rows in (train, test))
    scaler = StandardScaler().fit(codes)
    codes, codes_test = scaler.transform(codes), scaler.transform(codes_test)
    y = data.y[train]
    encryptor = HomeomorphicEncryptor(key=fixed_key(0), on_invalid="ignore")
    encryptor.fit(codes, y)
    encrypted = encryptor.transform(codes)
    kinds = {
        "real": (codes, y, codes_test),
        "encrypted": (encrypted, y, encryptor.transform(codes_test)),
        "synthetic": (*synthesize(codes, y), codes_test),
        "hybrid": (*synthesize(encrypted, y), encryptor.transform(codes_test)),
    }

    def decode(Z):
        return autoencoder.inverse_transform(scaler.inverse_transform(Z))

    return Bunch(
        kinds=kinds,
        y_test=data.y[test],
        decode=decode,
        decrypt=encryptor.inverse_transform,
        shape=autoencoder.image_shape_,
    )


def _print_scores(made):
    models = make_models("classification")
    print("\n| trained on | " + " | ".join(models) + " | mean |")
    print("| --- " * (len(models) + 2) + "|")
    for name, (X, y, X_test) in made.kinds.items():
        rows = Bunch(X_train=X, y_train=y, X_test=X_test, y_test=made.y_test)
        scores = list(score_models(models, rows, np.asarray).values())
        shown = " | ".join(f"{100 * s:.1f}" for s in [*scores, np.mean(scores)])
        print(f"| {name} | {shown} |")


def _draw(made, names, path):
    hybrid = made.kinds["hybrid"]
    columns = {
        "reconstructed": made.kinds["real"][:2],
        "encrypted": made.kinds["encrypted"][:2],
        "synthetic": made.kinds["synthetic"][:2],
        "hybrid": hybrid[:2],
        "hybrid, decrypted": (made.decrypt(hybrid[0]), hybrid[1]),
    }
    labels = np.unique(made.y_test)[:MAX_CLASSES]
    figure = make_figure(3 * len(columns), 2.1 * len(labels))
    axes = figure.subplots(len(labels), len(columns), squeeze=False)
    for line, label in zip(axes, labels, strict=True):
        for ax, (title, (codes, y)) in zip(line, columns.items(), strict=True):
            chosen = made.decode(codes[y == label][:SHOWN])
            ax.imshow(_tile(chosen, made.shape), cmap="gray")
            ax.set_title(f"{names[label]}: {title}", fontsize=9)
            ax.set_axis_off()
    figure.savefig(path, dpi=110)


def _tile(images, shape):
    """Two rows of images side by side, brought to between 0 and 1."""
    height, width, channels = shape
    images = np.asarray(images, dtype=np.float64).reshape(-1, height, width, channels)
    images = np.clip(images / (255.0 if images.max() > 1.5 else 1.0), 0, 1)
    gap = ((0, 0), (1, 1), (1, 1), (0, 0))
    images = np.pad(images, gap, constant_values=1.0)
    half = len(images) // 2
    rows = [np.hstack(list(images[i * half : (i + 1) * half])) for i in range(2)]
    return np.vstack(rows).squeeze()


def _load(options):
    if options.data is None:
        digits = load_digits()
        names = [str(name) for name in digits.target_names]
        return Bunch(X=digits.data / 16, y=digits.target, image_shape=None, names=names)
    data = load_image_folder(options.data)
    shape = (options.size, options.size, 3)
    return Bunch(
        X=data.filenames, y=data.target, image_shape=shape, names=data.target_names
    )


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", metavar="DIR", help="a folder a class; default: handwritten digits")
    add("--size", type=int, default=64, help="pixels to which files are brought")
    add("--n-components", type=int, default=32)
    add("--max-epochs", type=int, default=60)
    add("--out", default="benchmarks/output", metavar="DIR")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
