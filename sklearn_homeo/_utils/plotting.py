"""Figures: the package's palette, and matplotlib loaded when it is needed."""

import numpy as np
from sklearn.isotonic import isotonic_regression

# Okabe and Ito's palette: told apart with any kind of colour vision.
BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
VERMILION, GREY, BLACK = "#D55E00", "#999999", "#000000"


def import_pyplot():
    """Import matplotlib.pyplot, or say how to install it.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            'drawing figures needs matplotlib: pip install "sklearn-homeo[demo]"'
        ) from error
    return pyplot


def make_axes(ax=None):
    """Axes to draw on: the given ones, or those of a new figure."""
    return import_pyplot().subplots(layout="constrained")[1] if ax is None else ax


def make_figure(width, height):
    """Make a figure (in inches) that belongs to no window and to no global state."""
    import_pyplot()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def set_log2_axis(ax, numbers, label):
    """Scale the axis across by powers of two, with ticks at these numbers alone."""
    ax.set_xscale("log", base=2)
    ax.set_xticks(numbers, minor=False)
    ax.xaxis.set_major_formatter(lambda number, _: f"{number:g}")
    ax.set_xlabel(label)


def label_points(ax, x, y, labels):
    """Write the names of points at the edge of the axes, none over another."""
    ax.get_ylim()  # Settles the limits.
    on_page = ax.transData.transform(np.column_stack([x, y]))
    across, heights = ax.transAxes.inverted().transform(on_page).T
    # Of points at one height the right one comes first, so that lines rarely cross.
    heights = _spread(heights - 1e-6 * across)
    line = {"arrowstyle": "-", "color": GREY, "linewidth": 0.4, "relpos": (0, 0.5)}
    for label, *point, height in zip(labels, x, y, heights, strict=True):
        ax.annotate(
            label,
            point,
            (1.03, height),
            textcoords="axes fraction",
            fontsize=8,
            verticalalignment="center",
            arrowprops=line,
        )


def _spread(heights):
    """Heights as near as can be to those in [0, 1] that leave room for a line each."""
    order = np.argsort(heights, kind="stable")
    gap = min(0.05, 1 / len(heights))
    steps = gap * np.arange(len(heights))
    spread = np.empty(len(heights))
    spread[order] = steps + isotonic_regression(
        heights[order] - steps, y_min=0.0, y_max=1.0 - steps[-1]
    )
    return spread
