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
    figure.suptitle(
        "Without the key the decoder draws the third column, with it the fourth",
        fontsize=9,
    )
    figure.savefig(path, dpi=_DPI)


def draw_summary(results, path):
    """Draw what models lose, and what an attacker gets, of every table.

    On the left losses lie around zero, the score on plain rows; the grey band is what
    two equally good models differ by on that many test rows (95 %). On the right are
    the attacker's rates with their intervals, next to what the label alone gives.

    Parameters
    ----------
    results : list of Bunch
        From :func:`sklearn_homeo.demo.evaluation.measure_table`.
    path : str or Path
        PNG file to write.
    """
    figure = make_figure(10, 3.1 * len(results))
    axes = figure.subplots(len(results), 2, squeeze=False, width_ratios=(1.3, 1))
    for result, (left, right) in zip(results, axes, strict=True):
        _draw_losses(left, result)
        _draw_leaks(right, result)
    figure.savefig(path, dpi=_DPI)


def _measured(result):
    return [cipher for cipher in result.ciphers if "reason" not in cipher]


def _draw_losses(ax, result):
    classes = result.table.task == "classification"
    unit = 100 if classes else 1
    series = {c.cipher: (c.scores, colour) for c, colour in _coloured(result)}
    if "scores" in result.get("hybrid", {}):
        series["hybrid"] = (result.hybrid.scores, GREEN)
    plain = unit * np.array(list(result.plain.values()))
    places = np.arange(len(plain))
    for number, (scores, colour) in enumerate(series.values()):
        lost = plain - unit * np.array(list(scores.values()))
        shift = 0.2 * (number - (len(series) - 1) / 2)
        ax.plot(lost, places + shift, "o", color=colour, markersize=6)
    if classes:
        half = 1.96 * _unit_error(plain.mean() / unit, len(result.rows.y_test))
        ax.axvspan(-unit * half, unit * half, color=GREY, alpha=0.2, linewidth=0)
    ax.axvline(0, color=BLACK, linewidth=0.8)
    ax.set_yticks(places, list(result.plain))
    ax.invert_yaxis()
    lost = "points of accuracy lost; grey: by chance" if classes else "R2 lost"
    ax.set_xlabel(lost)
    # The colours are named on the line below.
    title = f"{result.table.name}: what models lose"
    ax.set_title(title, loc="left", fontsize=11, pad=20)
    _name_colours(ax, {name: colour for name, (_, colour) in series.items()})
    _tidy(ax)


def _unit_error(share, n):
    """Standard deviation of the difference of two shares of n rows."""
    return np.sqrt(2 * share * (1 - share) / n)


def _coloured(result):
    return list(zip(_measured(result), COLOURS, strict=False))


def _name_colours(ax, colours):
    """Name the colours above the axes, each in its own."""
    from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea

    names = [
        TextArea(f"\u25cf {name}", textprops={"color": colour, "fontsize": 9})
        for name, colour in colours.items()
    ]
    box = AnchoredOffsetbox(
        "lower right",
        child=HPacker(children=names, pad=0, sep=8),
        frameon=False,
        pad=0,
        bbox_to_anchor=(1, 1.02),
        bbox_transform=ax.transAxes,
        borderpad=0,
    )
    ax.add_artist(box)


def _draw_leaks(ax, result):
    ticks = []
    for measured, colour in _coloured(result):
        attack = measured.attack
        floors = _label_floors(result, attack.n)
        for name, value, interval, floor in (
            ("linked", attack.rate, attack.interval, floors[0]),
            ("rebuilt (R2)", max(attack.r2, 0.0), None, floors[1]),
        ):
            place = len(ticks)
            ticks.append(f"{name}, {measured.cipher}")
            if interval:
                ax.plot(interval, [place] * 2, color=colour, linewidth=2.5, alpha=0.5)
            ax.plot(value, place, "o", color=colour, markersize=7)
            ax.plot([floor] * 2, [place - 0.3, place + 0.3], color=BLACK, linewidth=1.5)
            shown = f"{value:.0%}" if interval else f"{value:.2f}"
            ax.text(1.08, place, shown, va="center", fontsize=9, color=colour)
    ax.set_yticks(range(len(ticks)), ticks)
    ax.invert_yaxis()
    ax.set(xlim=(-0.02, 1.02), xticks=np.arange(0, 1.1, 0.25))
    ax.set_xlabel("attacker's share; black: by the label alone")
    ax.set_title(f"{result.leak:.0%} of the records known", loc="left", fontsize=11)
    _tidy(ax)


def _label_floors(result, n_targets):
    """What the label alone links (unknown for numbers), and rebuilds (R2)."""
    rows = result.rows
    X = StandardScaler().fit_transform(np.vstack([rows.X_train, rows.X_test]))
    y = np.append(rows.y_train, rows.y_test)
    if result.table.task != "classification":
        y = (y - y.mean()) / y.std()
        return np.nan, float(np.mean((y @ X / len(y)) ** 2))
    classes, numbers = np.unique(y, return_inverse=True)
    means = np.array([X[numbers == i].mean(axis=0) for i in range(len(classes))])
    return min(1.0, len(classes) / n_targets), float((means[numbers] ** 2).mean())


def _tidy(ax):
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
