"""The paper's Table 1 on real photographs, and its claim for 1 to 10 layers.

Part 1, --data, compares three ways from images to vectors: an autoencoder on a
pretrained encoder, an autoencoder from scratch, and pretrained features. Each is
classified plain and encrypted under several keys, next to the paper's figures. It also
draws encrypted images.

Part 2, --industrial: the accuracy and the balanced accuracy of pretrained features over
depth, in five folds.

The classifier is chosen on plain training rows by cross-validation and then used
for all. Keys are fixed, so that a run can be repeated.

    python benchmarks/table1.py --data train --test test --industrial magnetic_tile

Writes table1.csv, table1.md, table1.png and encrypted images, and prints the tables.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from csv_files import write_csv
from fixed_keys import fixed_key
from intervals import percent_interval
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import Bunch
from tqdm import tqdm

from sklearn_homeo import (
    EncryptedImagesDisplay,
    HomeomorphicEncryptor,
    ImageAutoencoder,
    ImageFeatureExtractor,
    encrypt_images,
)
from sklearn_homeo._utils.plotting import BLUE, GREEN, GREY, ORANGE, make_figure
from sklearn_homeo.audit import image_reidentification, image_similarity
from sklearn_homeo.datasets import load_image_folder

PRETRAINED = "efficientnet-lite0"
# Accuracy before and after encryption, percent, in the paper's Table 1.
PAPER = {"autoencoder, pretrained": (76.12, 74.89), "features": (97.92, 97.34)}
N_COMPARED = 500


def main(argv=None):
    options = _parse(argv)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    try:
        records = [*_measure_rows(options, out), *_measure_industrial(options)]
    except (ImportError, OSError, ValueError) as error:
        print(f"table1.py: error: {error}", file=sys.stderr)
        return 2
    write_csv(records, out / "table1.csv")
    text = _format(records)
    (out / "table1.md").write_text(text, encoding="utf-8")
    print(text)
    _draw(records, out / "table1.png")
    return 0


# Part 1


def _measure_rows(options, out):
    if options.data is None:
        return
    train, test = _load(options)
    for name, encoder in _encoders(options).items():
        if name not in options.rows:
            continue
        encoder.fit(train.filenames)
        X, X_test = (encoder.transform(part.filenames) for part in (train, test))
        classifier = _choose(X, train.target)
        shared = {"part": 1, "data": Path(options.data).name, "row": name}
        problem = Bunch(X=X, y=train.target, X_test=X_test, y_test=test.target)
        for fold, split in enumerate(_splits(problem, options.splits)):
            for record in _measure_problem(split, classifier, options):
                yield shared | {"fold": fold} | record
        if isinstance(encoder, ImageAutoencoder):
            yield shared | _figure(
                "reconstruction error", -encoder.score(test.filenames)
            )
            path = out / f"encrypted_images_{name.split()[-1]}.png"
            for record in _compare_images(encoder, problem, test.filenames, path):
                yield shared | record


def _load(options):
    train = load_image_folder(options.data)
    if options.test is not None:
        return train, load_image_folder(options.test)
    files, held_out, y, y_held_out = train_test_split(
        train.filenames, train.target, stratify=train.target, random_state=0
    )
    return Bunch(filenames=files, target=y), Bunch(
        filenames=held_out, target=y_held_out
    )


def _encoders(options):
    autoencoder = ImageAutoencoder(
        options.n_components,
        max_epochs=options.max_epochs,
        n_jobs=options.n_jobs,
        random_state=0,
        verbose=1,
    )
    return {
        "autoencoder, pretrained": clone(autoencoder).set_params(encoder=PRETRAINED),
        "autoencoder, scratch": autoencoder,
        "features": ImageFeatureExtractor(PRETRAINED, n_jobs=options.n_jobs, verbose=1),
    }


def _splits(problem, n_splits):
    """The split at hand or, if asked for, random ones of all its rows."""
    if not n_splits:
        yield problem
        return
    rows = np.vstack([problem.X, problem.X_test])
    labels = np.concatenate([problem.y, problem.y_test])
    n_test = len(problem.y_test)
    for seed in tqdm(range(n_splits), desc="splits"):
        X, X_test, y, y_test = train_test_split(
            rows, labels, test_size=n_test, stratify=labels, random_state=seed
        )
        yield Bunch(X=X, y=y, X_test=X_test, y_test=y_test)


def _measure_problem(problem, classifier, options):
    """Plain, in the frame, and encrypted at each depth under each key."""
    yield {"depth": "plain"} | _score(classifier, problem, np.asarray)
    first = HomeomorphicEncryptor(key=fixed_key(0))
    _fit(first, problem)
    yield {"depth": "frame"} | _score(classifier, problem, first.preserve)
    for depth in options.depths:
        for seed in range(options.n_keys):
            encryptor = HomeomorphicEncryptor(
                depth,
                n_preserved=first.n_preserved_,
                key=fixed_key(seed),
            )
            _fit(encryptor, problem)
            yield {
                "depth": depth,
                "key": seed,
                "n_preserved": encryptor.n_preserved_,
                "conceded": encryptor.preserved_variance_ratio_,
            } | _score(classifier, problem, encryptor.transform)


def _fit(encryptor, problem):
    return encryptor.fit(problem.X, problem.y)


def _score(classifier, problem, encode):
    fitted = clone(classifier).fit(encode(problem.X), problem.y)
    found = fitted.predict(encode(problem.X_test))
    return {
        "accuracy": float(np.mean(found == problem.y_test)),
        "balanced": float(balanced_accuracy_score(problem.y_test, found)),
    }


def _choose(X, y):
    """The classifier that does best on plain rows, by cross-validation."""
    pipeline = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())])
    grid = [
        {
            "model": [LogisticRegression(max_iter=2000)],
            "model__C": [0.001, 0.01, 0.1, 1.0],
        },
        {"model": [SVC(random_state=0)], "model__C": [1.0, 10.0]},
    ]
    return GridSearchCV(pipeline, grid).fit(X, y).best_estimator_


def _compare_images(autoencoder, problem, filenames, path):
    """Encrypted images of test images against their originals, by eye and network."""
    rows = np.random.RandomState(0).permutation(len(filenames))[:N_COMPARED]
    encryptor = _fit(HomeomorphicEncryptor(key=fixed_key(0)), problem)
    pipeline = make_pipeline(autoencoder, encryptor)
    images = encrypt_images(pipeline, filenames[rows])
    few = {name: pictures[:8] for name, pictures in images.items()}
    figure = make_figure(6.4, 12.8)
    EncryptedImagesDisplay(**few).plot(figure=figure)
    figure.savefig(path, dpi=100)
    similarity = image_similarity(images.originals, images.encrypted, random_state=0)
    for name in ("ssim", "ssim_mismatched", "ssim_unrelated", "psnr"):
        yield _figure(name, getattr(similarity, name))
    extractor = ImageFeatureExtractor(PRETRAINED).fit(images.originals)
    matched = image_reidentification(
        extractor.transform(images.originals), extractor.transform(images.encrypted)
    )
    yield _figure("re-identified", matched.rate)
    yield _figure("re-identified, upper 95 %", matched.interval[1])
    error = np.abs(images.decrypted - images.reconstructions).max()
    yield _figure("decrypted - reconstructed", float(error))


def _figure(name, value):
    return {"name": name, "value": value}


# Part 2


def _measure_industrial(options):
    if options.industrial is None:
        return
    data = load_image_folder(options.industrial)
    extractor = ImageFeatureExtractor(PRETRAINED, n_jobs=options.n_jobs, verbose=1)
    X, y = extractor.fit_transform(data.filenames), data.target
    shared = {"part": 2, "data": Path(options.industrial).name, "row": "features"}
    classifier = _choose(X, y)
    options = Bunch(
        depths=options.industrial_depths,
        n_keys=options.industrial_keys,
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)
    for fold, (train, test) in enumerate(folds):
        problem = Bunch(X=X[train], y=y[train], X_test=X[test], y_test=y[test])
        for record in _measure_problem(problem, classifier, options):
            yield shared | {"fold": fold} | record
        print(f"fold {fold + 1} of 5 done", file=sys.stderr)


# Output


def _format(records):
    lines = []
    for part, title in ((1, "Table 1"), (2, "Over depth")):
        chosen = [record for record in records if record["part"] == part]
        if chosen:
            lines += [f"## {title}: {chosen[0]['data']}", "", *_rows(chosen), ""]
    return "\n".join(lines)


def _rows(records):
    yield "| row | depth | acc., % | loss | balanced, % | loss | k | conceded | paper |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    notes = []
    for row in dict.fromkeys(record["row"] for record in records):
        own = [record for record in records if record["row"] == row]
        plain = _summary(own, "plain")
        for depth in dict.fromkeys(r["depth"] for r in own if "depth" in r):
            paper = PAPER.get(row) if own[0]["part"] == 1 else None
            yield _line(row, depth, _summary(own, depth), plain, paper)
        notes += [f"{row}: {r['name']} {r['value']:.4g}" for r in own if "name" in r]
    if notes:
        yield ""
        yield "; ".join(notes)


def _line(row, depth, found, plain, paper):
    cells = [row, str(depth)]
    for measure in ("accuracy", "balanced"):
        scores = found[measure]
        cells.append(f"{100 * np.mean(scores):.2f}{percent_interval(scores)}")
        loss = 100 * (np.mean(plain[measure]) - np.mean(scores))
        cells.append("" if depth == "plain" else f"{loss:.2f}")
    preserved = [found[name] for name in ("n_preserved", "conceded")]
    cells += [f"{np.mean(values):.3g}" if len(values) else "" for values in preserved]
    shown = {"plain": 0, 3: 1}.get(depth)
    cells.append("" if paper is None or shown is None else f"{paper[shown]:.2f}")
    return "| " + " | ".join(cells) + " |"


def _summary(records, depth):
    """Figures of a depth: one a key, folds averaged."""
    chosen = [record for record in records if record.get("depth") == depth]
    keys = dict.fromkeys(record.get("key") for record in chosen)
    return {
        name: [
            float(np.mean([r[name] for r in chosen if r.get("key") == key]))
            for key in keys
            if name in chosen[0]
        ]
        for name in ("accuracy", "balanced", "n_preserved", "conceded")
    }


def _draw(records, path):
    parts = [
        [record for record in records if record["part"] == part and "depth" in record]
        for part in (1, 2)
    ]
    drawn = [
        (part, draw)
        for part, draw in zip(parts, (_draw_rows, _draw_depths), strict=True)
        if part
    ]
    figure = make_figure(6 * len(drawn), 4)
    for ax, (part, draw) in zip(
        figure.subplots(1, len(drawn), squeeze=False)[0], drawn, strict=True
    ):
        draw(ax, part)
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)


def _draw_rows(ax, records):
    rows = list(dict.fromkeys(record["row"] for record in records))
    depths = list(dict.fromkeys(record["depth"] for record in records))
    width = 0.84 / len(depths)
    for place, (depth, colour) in enumerate(
        zip(depths, (GREY, GREEN, BLUE, ORANGE), strict=False)
    ):
        means = [
            100
            * np.mean(
                _summary([r for r in records if r["row"] == row], depth)["accuracy"]
            )
            for row in rows
        ]
        label = depth if isinstance(depth, str) else f"encrypted, depth {depth}"
        bars = ax.bar(
            np.arange(len(rows)) + place * width,
            means,
            width,
            color=colour,
            label=label,
        )
        ax.bar_label(bars, fmt="%.1f", fontsize=7)
    ax.set_xticks(np.arange(len(rows)) + 0.42 - width / 2, rows)
    ax.set(ylabel="accuracy on test images, %", ylim=(40, 112))
    ax.set_title(f"{records[0]['data']}: before and after encryption", fontsize=11)
    ax.legend(ncols=len(depths), fontsize=8, frameon=False, loc="upper center")


def _draw_depths(ax, records):
    depths = [d for d in dict.fromkeys(r["depth"] for r in records) if d != "frame"]
    depths.remove("plain")
    for measure, colour in (("accuracy", BLUE), ("balanced", ORANGE)):
        found = [_summary(records, depth)[measure] for depth in depths]
        label = measure if measure == "accuracy" else "balanced accuracy"
        ax.plot(
            depths,
            [100 * np.mean(f) for f in found],
            "o-",
            color=colour,
            label=f"{label}, encrypted",
        )
        plain = 100 * np.mean(_summary(records, "plain")[measure])
        ax.axhline(plain, color=colour, linestyle=":", label=f"{label}, plain")
    ax.set(xlabel="depth of the key (locks)", ylabel="%, mean of 5 folds")
    ax.set_title(f"{records[0]['data']}: over depth", fontsize=11)
    ax.legend(fontsize=8, frameon=False)


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    rows = ["autoencoder, pretrained", "autoencoder, scratch", "features"]
    add("--data", metavar="DIR", help="part 1: one sub-folder a class")
    add("--test", metavar="DIR", help="else a quarter of the data, held out")
    add("--rows", nargs="+", default=rows, choices=rows, metavar="ROW")
    add("--industrial", metavar="DIR", help="part 2: one sub-folder a class")
    add("--depths", type=int, nargs="+", default=[3, 10])
    add("--n-keys", type=int, default=5)
    add("--industrial-depths", type=int, nargs="+", default=list(range(1, 11)))
    add("--industrial-keys", type=int, default=5)
    add("--splits", type=int, default=0, metavar="N",
        help="of features: N random splits of all images instead")  # fmt: skip
    add("--n-components", type=int, default=128)
    add("--max-epochs", type=int, default=25)
    add("--threads", type=int, help="of the networks, on a CPU")
    add("--n-jobs", type=int, help="threads that decode")
    add("--out", default="benchmarks/output", metavar="DIR")
    options = parser.parse_args(argv)
    if options.data is None and options.industrial is None:
        parser.error("--data or --industrial is needed")
    if options.splits and options.rows != ["features"]:
        parser.error("--splits needs --rows features: autoencoders saw their images")
    return options


if __name__ == "__main__":
    sys.exit(main())
