"""An evaluation's figures."""

import numpy as np
from sklearn.cross_decomposition import PLSRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, label_binarize
from sklearn.svm import SVC, SVR

from sklearn_homeo._utils.plotting import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILION,
    make_figure,
)

__all__ = ["draw_pictures", "draw_planes", "draw_summary"]

COLOURS = (BLUE, ORANGE)
CLASS_COLOURS = (BLUE, ORANGE, GREEN, VERMILION)
CLASS_MARKERS = ("o", "^", "s", "D")

_GRID_POINTS = 200
_DPI = 130
_LEGEND = {"frameon": False, "fontsize": 9}


def draw_planes(results, path):
    """Draw the rows of every table, plain and encrypted, in two directions.

    In the manner of the paper's figure 2: (a) the rows and the regions of a classifier
    trained on what is drawn, (b) the same of the encrypted rows. The two directions are
    those that go along with the label most (partial least squares) on either side: what
    a service could draw.

    Parameters
    ----------
    results : list of Bunch
        From :func:`sklearn_homeo.demo.evaluation.measure_table`.
    path : str or Path
        PNG file to write.

    References
    ----------
    Terziyan, Malyk, Golovianko, Branytskyi 2023, doi 10.1016/j.procs.2022.12.205.
    """
    figure = make_figure(9.6, 4.4 * len(results))
    axes = figure.subplots(len(results), 2, squeeze=False)
    for result, (left, right) in zip(results, axes, strict=True):
        measured = result.ciphers[0]
        _draw_plane(left, result, np.asarray, f"{result.table.name}: plain")
        _draw_plane(
            right, result, measured.encryptor.transform, f"encrypted: {measured.cipher}"
        )
    figure.savefig(path, dpi=_DPI)


def _draw_plane(ax, result, encode, title):
    rows = result.rows
    classes = result.table.task == "classification"
    scaler = StandardScaler()
    Z_train = scaler.fit_transform(encode(rows.X_train))
    target = label_binarize(rows.y_train, classes=np.unique(rows.y_train))
    pls = PLSRegression(min(2, Z_train.shape[1]), scale=False)
    pls.fit(Z_train, target if classes else rows.y_train)
    # A table of one column, and a label of one direction, have a line.
    Z_test = scaler.transform(encode(rows.X_test))
    plane = [_in_plane(pls.transform(Z)) for Z in (Z_train, Z_test)]
    model = make_pipeline(StandardScaler(), SVC() if classes else SVR())
    model.fit(plane[0], rows.y_train)
    score = model.score(plane[1], rows.y_test)
    points, y = np.vstack(plane), np.append(rows.y_train, rows.y_test)
    _draw_regions(ax, model, points, classes)
    _draw_points(ax, points, y, classes)
    said = f"{score:.0%} of test rows right" if classes else f"R2 {score:.2f}"
    ax.set_title(f"{title}\nRBF SVM on what is drawn: {said}", fontsize=10)
    ax.set(xlabel="first direction", ylabel="second direction")


def _in_plane(T):
    return T if T.shape[1] == 2 else np.column_stack([T, np.zeros(len(T))])


def _draw_points(ax, points, y, classes):
    style = {"s": 16, "edgecolors": "white", "linewidths": 0.4}
    if not classes:
        ax.scatter(*points.T, c=y, cmap="viridis", **style)
        return
    names = np.unique(y)
    colours = _class_colours(len(names))
    for number, name in enumerate(names):
        marker = CLASS_MARKERS[number % len(CLASS_MARKERS)]
        ax.scatter(*points[y == name].T, color=colours[number], marker=marker, **style)


def _draw_regions(ax, model, points, classes):
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.maximum(0.08 * (high - low), 1e-3)
    sides = np.linspace(low - margin, high + margin, _GRID_POINTS).T
    first, second = np.meshgrid(*sides)
    found = model.predict(np.column_stack([first.ravel(), second.ravel()]))
    if not classes:
        ax.contourf(
            first, second, found.reshape(first.shape), cmap="viridis", alpha=0.3
        )
        return
    names = model.classes_
    regions = np.searchsorted(names, found).reshape(first.shape)
    edges = np.arange(len(names) + 1) - 0.5
    colours = _class_colours(len(names))
    ax.contourf(first, second, regions, edges, colors=colours, alpha=0.2)


def _class_colours(n_classes):
    if n_classes <= len(CLASS_COLOURS):
        return CLASS_COLOURS[:n_classes]
    from matplotlib import colormaps

    return colormaps["turbo"](np.linspace(0.05, 0.95, n_classes))


def draw_pictures(images, path, n_images=8):
    """Draw images with their encrypted and decrypted ones.

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
    attack, leaked = measured.attack, measured.encryptor.preserved_variance_ratio_
    rate, (low, high) = attack.rate, attack.interval
    heights = (max(attack.r2, 0), rate)
    ax.bar(middle + np.arange(2), heights, width, color=colour, label=measured.cipher)
    spread = [[rate - low], [high - rate]]
    ax.errorbar(1 + middle, rate, spread, color=BLACK, capsize=4)
    for place, top, text in (
        (middle, max(heights[0], leaked), f"{attack.r2:.2f}"),
        (1 + middle, high, f"{rate:.0%}"),
    ):
        ax.text(place, top + 0.02, text, ha="center", va="bottom", fontsize=9)
    for place, height, style, label in (
        (middle, leaked, "--", "the view leaks"),
        (1 + middle, attack.chance, ":", "chance"),
    ):
        ends = place - width / 2, place + width / 2
        ax.hlines(height, *ends, colors=BLACK, linestyles=style, label=label)


def _tidy(ax):
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(axis="x", length=0)
