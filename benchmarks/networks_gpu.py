"""Training of the package's networks on a GPU: as good as on the CPU, and how fast.

    python benchmarks/networks_gpu.py
    python benchmarks/networks_gpu.py --device cpu --images 200 --rows 400 --epochs 2

Each network is trained on both from the same seed. Prints seconds, their ratio, and
what the results are worth: the error of decoded training images next to that of their
mean image, and the accuracy on real rows of a model that saw synthetic ones only.
"""

import argparse
import sys
import time

import numpy as np
from sklearn.datasets import load_sample_images, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_homeo import ClassConditionalSynthesizer, ImageAutoencoder

SIDE = 64


def main(argv=None):
    options = _parse(argv)
    # The first network on a GPU waits for its libraries to load.
    _autoencoder(_crops(100), options.device, 1, variational=False)
    images = _crops(options.images)
    for name, variational in (("autoencoder", False), ("variational", True)):
        _compare(
            f"{name}, {len(images)} images of {SIDE} x {SIDE}",
            lambda device, v=variational: _autoencoder(
                images, device, options.epochs, variational=v
            ),
            options.device,
        )
    table = _table(options.rows)
    _compare(
        f"synthesizer, {options.rows} rows of {table[0].shape[1]}",
        lambda device: _synthesizer(table, device, options.epochs),
        options.device,
    )
    return 0


def _compare(name, train, device):
    seconds, words = {}, {}
    for place in ("cpu", device):
        start = time.perf_counter()
        words[place] = train(place)
        seconds[place] = time.perf_counter() - start
    print(f"{name}: CPU {seconds['cpu']:.1f} s, {words['cpu']};")
    print(
        f"    {device} {seconds[device]:.1f} s, {words[device]}; "
        f"{seconds['cpu'] / seconds[device]:.1f} times as fast",
        flush=True,
    )


def _autoencoder(images, device, n_epochs, variational):
    network = ImageAutoencoder(
        64,
        variational=variational,
        max_epochs=n_epochs,
        n_iter_no_change=n_epochs,
        device=device,
        random_state=0,
    ).fit(images)
    return (
        f"error {network.reconstruction_error_:.4f} (of the mean image "
        f"{network.mean_image_error_:.4f})"
    )


def _synthesizer(table, device, n_epochs):
    X, X_test, y, y_test = table
    synthesizer = ClassConditionalSynthesizer(
        "vae", max_epochs=n_epochs, device=device, random_state=0
    ).fit(X, y)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(*synthesizer.sample(len(X)))
    return f"accuracy {model.score(X_test, y_test):.3f}"


def _crops(n_images):
    rng = np.random.default_rng(0)
    photographs = load_sample_images().images
    crops = []
    for i in range(n_images):
        picture = photographs[i % 2]
        top, left = (rng.integers(0, length - SIDE) for length in picture.shape[:2])
        crops.append(picture[top : top + SIDE, left : left + SIDE])
    return np.stack(crops)


def _table(n_rows):
    X, y = make_classification(
        n_rows + 2000, 64, n_informative=32, n_classes=4, random_state=0
    )
    return train_test_split(X, y, train_size=n_rows, random_state=0, stratify=y)


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--device", default="cuda")
    add("--images", type=int, default=2000)
    add("--rows", type=int, default=10_000)
    add("--epochs", type=int, default=10)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
