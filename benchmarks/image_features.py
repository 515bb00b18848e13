"""Speed of the image feature extractor, and accuracy on its features when encrypted.

Trains logistic regressions on the features of a folder of images (one sub-folder a
class): plain, in the encryptor's frame without encryption, and encrypted under
several keys. Keys are fixed, so that a run can be repeated.

Speed is compared with the bare network's, in rounds that alternate between the two:
other work on the machine changes times several-fold within minutes, so only neighbours
can be compared. The median of the rounds' ratios is given with the range; a ratio
well over 100 % or a wide range means that the machine was too busy to tell.

    python benchmarks/image_features.py --data train --test test --depths 3 10

Writes image_features.csv and prints it as a table.
"""

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
from csv_files import write_csv
from fixed_keys import fixed_key
from intervals import percent_interval
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from sklearn_homeo import HomeomorphicEncryptor
from sklearn_homeo.datasets import load_image_folder
from sklearn_homeo.images._backbones import load_backbone
from sklearn_homeo.images._features import ImageFeatureExtractor
from sklearn_homeo.networks.inference import resolve_device

PROBE_IMAGES = 64
# Several batches, so that reading ahead counts.
PROBE_FILES = 256
PROBE_BATCHES = (4, 16, 64)


def main(argv=None):
    options = _parse(argv)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    try:
        train, test = _load(options)
        extractor, speed = _extract(train, test, options)
    except (ImportError, OSError, ValueError) as error:
        print(f"image_features.py: error: {error}", file=sys.stderr)
        return 2
    rows = [*_measure_plain(train, test), *_measure_encrypted(train, test, options)]
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    write_csv([row | speed for row in rows], folder / "image_features.csv")
    _print(rows, speed, train, test, extractor)
    return 0


def _load(options):
    train = load_image_folder(options.data)
    if options.test is None:
        files, held_out, y, y_held_out = train_test_split(
            train.filenames, train.target, stratify=train.target, random_state=0
        )
        return Bunch(filenames=files, target=y), Bunch(
            filenames=held_out, target=y_held_out
        )
    test = load_image_folder(options.test)
    if test.target_names != train.target_names:
        raise ValueError(
            f"--data has the classes {train.target_names}, --test has "
            f"{test.target_names}"
        )
    return train, test


def _extract(train, test, options):
    """Add the features to both data sets; return how fast that was."""
    extractor = ImageFeatureExtractor(
        options.backbone,
        weights=options.weights,
        device=options.device,
        n_jobs=options.n_jobs,
        verbose=1,
    ).fit(train.filenames)
    speed = _compare_speed(extractor, train.filenames[:PROBE_FILES], options)
    start, memory = time.perf_counter(), _peak_memory()
    train.X = extractor.transform(train.filenames)
    test.X = extractor.transform(test.filenames)
    seconds = time.perf_counter() - start
    n_images = len(train.X) + len(test.X)
    return extractor, {
        "n_images": n_images,
        "ms_per_image": 1000 * seconds / n_images,
        **speed,
        "memory_growth_mib": _peak_memory() - memory,
    }


def _compare_speed(extractor, filenames, options):
    quiet = clone(extractor).set_params(verbose=0).fit(filenames)
    quiet.transform(filenames)
    rounds = []
    for _ in range(options.rounds):
        bare = _time_bare_network(options)
        start = time.perf_counter()
        quiet.transform(filenames)
        rounds.append((bare, (time.perf_counter() - start) / len(filenames)))
    bare, whole = np.array(rounds).T
    return {
        "probe_ms_per_image": 1000 * float(np.median(whole)),
        "bare_ms_per_image": 1000 * float(np.median(bare)),
        "throughput_vs_bare": float(np.median(bare / whole)),
        "lowest": float((bare / whole).min()),
        "highest": float((bare / whole).max()),
    }


def _time_bare_network(options):
    """Seconds an image of forward passes alone, with the best of three batch sizes."""
    backbone = load_backbone(options.backbone, options.weights)
    backbone = backbone.to(resolve_device(options.device))
    framing = backbone.framing
    shape = (PROBE_IMAGES, framing.height, framing.width, framing.channels)
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    images = images.to(backbone.device).permute(0, 3, 1, 2)
    if not backbone.channels_last:
        images = images.contiguous()
    return min(_time_forward(backbone.network, images, size) for size in PROBE_BATCHES)


def _time_forward(network, images, batch_size):
    with torch.no_grad():
        network(images[:batch_size]).cpu()
        start = time.perf_counter()
        for batch in images.split(batch_size):
            network(batch).cpu()
    return (time.perf_counter() - start) / len(images)


def _measure_plain(train, test):
    plain = _score(train.X, train.target, test.X, test.target)
    yield {"features": "plain", "accuracy": plain}


def _measure_encrypted(train, test, options):
    for depth in options.depths:
        for seed in range(options.n_keys):
            encryptor = HomeomorphicEncryptor(depth, key=fixed_key(seed))
            encryptor.fit(train.X, train.target)
            if depth == options.depths[0] and seed == 0:
                yield {
                    "features": "frame, not encrypted",
                    "accuracy": _score_encoded(encryptor.preserve, train, test),
                    "n_preserved": encryptor.n_preserved_,
                }
            yield {
                "features": "encrypted",
                "depth": depth,
                "key": seed,
                "accuracy": _score_encoded(encryptor.transform, train, test),
                "n_preserved": encryptor.n_preserved_,
            }


def _score_encoded(encode, train, test):
    return _score(encode(train.X), train.target, encode(test.X), test.target)


def _score(X_train, y_train, X_test, y_test):
    # Cross-validated on the training rows, of plain and encrypted features alike.
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        {"logisticregression__C": [0.001, 0.01, 0.1, 1.0]},
    )
    return float(search.fit(X_train, y_train).score(X_test, y_test))


def _print(rows, speed, train, test, extractor):
    print(
        f"\n{len(train.X)} training and {len(test.X)} test images, "
        f"{len(np.unique(train.target))} classes, {train.X.shape[1]} features of "
        f"{extractor.backbone}, {torch.get_num_threads()} threads"
    )
    print(
        f"{speed['ms_per_image']:.1f} ms an image, memory grew by "
        f"{speed['memory_growth_mib']:.0f} MiB\n"
        f"Alternating: {speed['probe_ms_per_image']:.1f} ms an image, bare network "
        f"{speed['bare_ms_per_image']:.1f} ms: {speed['throughput_vs_bare']:.0%} of "
        f"its throughput ({speed['lowest']:.0%} to {speed['highest']:.0%})\n"
    )
    print(f"{'features':<22}{'depth':>6}{'keys':>6}{'accuracy, %':>18}{'loss':>8}")
    plain = rows[0]["accuracy"]
    for (name, depth), scores in _grouped(rows).items():
        accuracy = f"{100 * np.mean(scores):.2f}{percent_interval(scores)}"
        loss = 100 * (plain - np.mean(scores))
        print(f"{name:<22}{depth:>6}{len(scores):>6}{accuracy:>18}{loss:>8.2f}")


def _grouped(rows):
    groups = {}
    for row in rows:
        group = (row["features"], row.get("depth", ""))
        groups.setdefault(group, []).append(row["accuracy"])
    return groups


def _peak_memory():
    """Peak resident memory of this process, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", metavar="DIR", required=True, help="one sub-folder a class")
    add("--test", metavar="DIR", help="else a quarter of the data, held out")
    add("--backbone", default="efficientnet-lite0", metavar="NAME")
    add("--weights", default="default", metavar="FILE", help="a state dict")
    add("--depths", type=int, nargs="+", default=[3])
    add("--n-keys", type=int, default=5)
    add("--rounds", type=int, default=9, help="that compare speeds")
    add("--device", default="auto")
    add("--threads", type=int, help="of the network, on a CPU")
    add("--n-jobs", type=int, help="threads that decode")
    add("--out", default="benchmarks/output", metavar="DIR")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
