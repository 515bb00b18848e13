"""The main job's two figures."""

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_homeo._utils.plotting import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILION,
    make_figure,
)
from sklearn_homeo.demo.evaluation import make_encryptor, split_rows, split_table
from sklearn_homeo.demo.tables import load_bundled

__all__ = ["draw_pictures", "draw_plane", "draw_summary"]

COLOURS = (BLUE, ORANGE)
CLASS_COLOURS = (BLUE, ORANGE, GREEN, VERMILION)
CLASS_MARKERS = ("o", "^", "s", "D")

PLANE_FEATURES = ("flavanoids", "color_intensity")

_GRID_POINTS = 400
_DPI = 130
_LEGEND = {"frameon": False, "fontsize": 9}


def draw_plane(path, *, depth=3, key=None, random_state=0):
    """Draw real points of two features, plain and encrypted, with decision regions.

    The manner of the paper's figure 2: (a) points, (b) the regions of a classifier
    trained on them, (c) the points encrypted, (d) the regions of the same classifier
    trained on encrypted points. The data are two features of scikit-learn's wine, the
    cipher is "smooth": in a plane "coupling" could preserve one direction only, and
    its picture would be a line.

    Parameters
    ----------
    path : str or Path
        PNG file to write.
    depth : int, default=3
        Locks of the cipher.
    key : SecretKey or None, default=None
        None draws a fresh key.
    random_state : int, default=0
        Of the split into train and test points.

    Returns
    -------
    scores : tuple of (float, float)
        Accuracy on the plain and on the encrypted test points.

    References
    ----------
    Terziyan, Malyk, Golovianko, Branytskyi 2023, doi 10.1016/j.procs.2022.12.205.
    """
    table, names = _wine_plane()
    encryptor = make_encryptor("smooth", "classification", depth=depth, key=key)
    train, test = split_table(table, random_state=random_state)
    rows = split_rows(table, train, test)
    encryptor.fit(rows.X_train)
    figure = make_figure(9.6, 8.4)
    plain, encrypted = figure.subplots(2, 2)
    scores = (
        _draw_row(plain, rows, np.asarray, "plain", "ab", names),
        _draw_row(
            encrypted,
            rows,
            encryptor.transform,
            "encrypted",
            "cd",
            ("output 1", "output 2"),
        ),
    )
    plain[0].legend(title="wine", loc="upper right")
    figure.suptitle(
        "Encryption moves the points; the classes stay learnable\n"
        f'{len(table.y)} wines, two features. Cipher "smooth", depth {depth}: '
        "everything is preserved, known pairs break it.",
        fontsize=11,
    )
    figure.savefig(path, dpi=_DPI)
    return scores


def _draw_row(axes, rows, encode, word, letters, labels):
    Z_train, Z_test = encode(rows.X_train), encode(rows.X_test)
    Z, y = np.vstack([Z_train, Z_test]), np.append(rows.y_train, rows.y_test)
    model = make_pipeline(StandardScaler(), SVC(random_state=0)).fit(
        Z_train, rows.y_train
    )
    score = float(model.score(Z_test, rows.y_test))
    _draw_regions(axes[1], model, Z)
    for ax in axes:
        _draw_points(ax, Z, y)
        ax.set(xlabel=labels[0], ylabel=labels[1])
        ax.set(xlim=axes[1].get_xlim(), ylim=axes[1].get_ylim())
    axes[0].set_title(f"({letters[0]}) {word} points")
    axes[1].set_title(
        f"({letters[1]}) RBF SVM trained on {word} points:\n"
        f"{score:.1%} of test points right"
    )
    return score


def _wine_plane():
    table = load_bundled("wine")
    columns = [table.feature_names.index(name) for name in PLANE_FEATURES]
    table.X = table.X[:, columns]
    return table, ("flavanoids (standardised)", "colour intensity (standardised)")


def _draw_points(ax, Z, y):
    for label, colour, marker in zip(
        np.unique(y), CLASS_COLOURS, CLASS_MARKERS, strict=False
    ):
        rows = y == label
        ax.scatter(
            *Z[rows].T,
            s=30,
            c=colour,
            marker=marker,
            edgecolors="white",
            linewidths=0.6,
            label=f"class {label}",
        )


def _draw_regions(ax, model, Z):
    low, high = Z.min(axis=0), Z.max(axis=0)
    margin = 0.08 * (high - low)
    sides = np.linspace(low - margin, high + margin, _GRID_POINTS).T
    first, second = np.meshgrid(*sides)
    grid = np.column_stack([first.ravel(), second.ravel()])
    regions = model.predict(grid).reshape(first.shape)
    n_classes = len(model.classes_)
    edges = np.arange(n_classes + 1) - 0.5
    ax.contourf(
        first, second, regions, edges, colors=CLASS_COLOURS[:n_classes], alpha=0.25
    )
    ax.contour(first, second, regions, edges[1:-1], colors=BLACK, linewidths=0.8)


def draw_pictures(images, path, n_images=8):
    """Draw images beside their encrypted and decrypted ones.

    Parameters
    ----------
    images : Bunch
        From :func:`sklearn_homeo.encrypt_images`.
    path : str or Path
        PNG file to write.
    n_images : int, default=8
        How many of the first to draw.
    """
    from sklearn_homeo import EncryptedImagesDisplay

    few = {name: pictures[:n_images] for name, pictures in images.items()}
    figure = make_figure(6.4, 0.4 + 1.55 * len(few["originals"]))
    EncryptedImagesDisplay(**few).plot(figure=figure)
    figure.savefig(path, dpi=_DPI)


def draw_summary(results, path):
    """Draw accuracy and the attacker's figures of every table as bars.

    Parameters
    ----------
    results : list of Bunch
        From :func:`sklearn_homeo.demo.evaluation.measure_table`.
    path : str or Path
        PNG file to write.
    """
    figure = make_figure(12.5, 4 * len(results))
    axes = figure.subplots(len(results), 2, squeeze=False, width_ratios=(1.7, 1))
    for result, (left, right) in zip(results, axes, strict=True):
        _draw_scores(left, result)
        _draw_attacks(right, result)
    figure.savefig(path, dpi=_DPI)


def _measured(result):
    return [cipher for cipher in result.ciphers if "reason" not in cipher]


def _draw_scores(ax, result):
    unit, form = (
        (100, "{:.1f}") if result.table.task == "classification" else (1, "{:.2f}")
    )
    series = {"plain": (result.plain, GREY)}
    for measured, colour in zip(_measured(result), COLOURS, strict=False):
        series[f"encrypted: {measured.cipher}"] = (measured.scores, colour)
    if "scores" in result.get("hybrid", {}):
        series["hybrid"] = (result.hybrid.scores, GREEN)
    places, width = np.arange(len(result.plain)), 0.84 / len(series)
    for number, (label, (scores, colour)) in enumerate(series.items()):
        heights = unit * np.array(list(scores.values()))
        middle = places + (number - (len(series) - 1) / 2) * width
        bars = ax.bar(middle, np.maximum(heights, 0), width, color=colour, label=label)
        ax.bar_label(bars, [form.format(h) for h in heights], padding=1, fontsize=7)
    ax.set_xticks(places, [name.replace(" ", "\n", 1) for name in result.plain])
    ax.set_ylabel("accuracy on test rows, %" if unit == 100 else "R2 on test rows")
    ax.set(ylim=(0, 1.22 * unit), yticks=unit * np.arange(0, 1.1, 0.2))
    ax.set_title(_score_title(result, unit), fontsize=11)
    ax.legend(loc="upper center", ncols=3, **_LEGEND)
    _tidy(ax)


def _score_title(result, unit):
    mean = np.mean(list(result.plain.values()))
    form = "{:z.1f} ({})" if unit == 100 else "{:z.3f} ({})"
    losses = [
        form.format(unit * (mean - np.mean(list(c.scores.values()))), c.cipher)
        for c in _measured(result)
    ]
    measure = "points of accuracy" if unit == 100 else "R2"
    return f"{result.table.name}: mean loss, {measure}: {', '.join(losses)}"


def _draw_attacks(ax, result):
    ciphers = _measured(result)
    width = 0.8 / len(ciphers)
    for number, (measured, colour) in enumerate(zip(ciphers, COLOURS, strict=False)):
        middle = (number - (len(ciphers) - 1) / 2) * width
        _draw_attack(ax, measured, colour, middle, width)
    handles, labels = ax.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    ax.legend(unique.values(), unique, loc="upper center", ncols=4, **_LEGEND)
    ax.set_xticks([0, 1], ["rebuilt (R2)", "re-identified (share)"])
    ax.set(ylim=(0, 1.3), yticks=np.arange(0, 1.1, 0.2))
    ax.set_title(_attack_title(result), fontsize=11)
    _tidy(ax)


def _attack_title(result):
    withheld = [
        f"{1 - np.clip(c.attack.r2, 0, 1):.0%} ({c.cipher})" for c in _measured(result)
    ]
    return f"{result.leak:.0%} known, variance withheld: {', '.join(withheld)}"


def _draw_attack(ax, measured, colour, middle, width):
    attack, conceded = measured.attack, measured.encryptor.preserved_variance_ratio_
    rate, (low, high) = attack.rate, attack.interval
    heights = (max(attack.r2, 0), rate)
    ax.bar(middle + np.arange(2), heights, width, color=colour, label=measured.cipher)
    spread = [[rate - low], [high - rate]]
    ax.errorbar(1 + middle, rate, spread, color=BLACK, capsize=4)
    for place, top, text in (
        (middle, max(heights[0], conceded), f"{attack.r2:.2f}"),
        (1 + middle, high, f"{rate:.0%}"),
    ):
        ax.text(place, top + 0.02, text, ha="center", va="bottom", fontsize=9)
    for place, height, style, label in (
        (middle, conceded, "--", "frame concedes"),
        (1 + middle, attack.chance, ":", "chance"),
    ):
        ends = place - width / 2, place + width / 2
        ax.hlines(height, *ends, colors=BLACK, linestyles=style, label=label)


def _tidy(ax):
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(axis="x", length=0)
