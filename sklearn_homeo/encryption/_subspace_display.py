"""Display: what probes get from the label subspace, by finder and width."""

from sklearn_homeo._utils.plotting import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILION,
    make_axes,
    set_log2_axis,
)
from sklearn_homeo.encryption.label_space.search import ProbeScore

__all__ = ["SubspaceDisplay"]

# One colour for each kind of finder, one marker for each finder of a kind.
_STYLES = {
    "linear": (BLUE, "o"),
    "sparing": (BLUE, "v"),
    "least squares": (BLUE, "s"),
    "gradients": (ORANGE, "o"),
    "gradient columns": (GREEN, "o"),
    "boosting columns": (GREEN, "v"),
    "forest columns": (GREEN, "s"),
    "directional": (VERMILION, "o"),
    "sliced": (VERMILION, "v"),
    "linear + sliced": (GREY, "o"),
    "linear + gradients": (GREY, "v"),
    "linear + columns": (GREY, "s"),
    "linear + gradients + columns": (GREY, "D"),
}


class SubspaceDisplay:
    """Score against the number of directions, by finder, with what was chosen.

    Hollow marks were given up after one fold of held-out rows, since they
    fell far behind. Made by :meth:`from_estimator`.

    Parameters
    ----------
    scores : list of ProbeScore
        An encryptor's ``probe_scores_``, all features first.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn_homeo import SubspaceDisplay
    >>> from sklearn_homeo.encryption.label_space.search import ProbeScore
    >>> scores = [
    ...     ProbeScore("all features", 9, 0.98, 0.99, 0.0, 0.0, 1.0, 3),
    ...     ProbeScore("linear", 1, 0.55, 0.57, 0.43, 0.01, 0.1, 1),
    ...     ProbeScore("gradients", 2, 0.98, 0.99, 0.0, 0.0, 0.2, 3, True),
    ... ]
    >>> display = SubspaceDisplay(scores).plot()
    >>> display.ax_.get_ylabel()
    'balanced accuracy'
    """

    def __init__(self, scores):
        self.scores = scores

    @classmethod
    def from_estimator(cls, encryptor, *, ax=None):
        """Draw what a fitted encryptor tried.

        Parameters
        ----------
        encryptor : HomeomorphicEncryptor
            Fitted with labels, at ``leakage="scores"``.
        ax : matplotlib Axes, default=None
            None makes a new figure.

        Returns
        -------
        display : SubspaceDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If no directions were tried: without labels, or at cells.
        """
        scores = getattr(encryptor, "probe_scores_", [])
        if not scores or not isinstance(scores[0], ProbeScore):
            raise ValueError(
                "This encryptor tried no directions; fit it with labels and "
                'leakage="scores".'
            )
        return cls(scores).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a new figure.

        Returns
        -------
        display : SubspaceDisplay
        """
        ax = make_axes(ax)
        whole, *tried = self.scores
        ax.axhline(whole.score, color=BLACK, linestyle=":", label="all features")
        for finder in dict.fromkeys(score.finder for score in tried):
            points = [score for score in tried if score.finder == finder]
            points.sort(key=lambda score: score.width)
            self._plot_finder(ax, finder, points)
        chosen = [score for score in self.scores if score.chosen]
        ring = {"s": 200, "facecolors": "none", "edgecolors": BLACK, "label": "chosen"}
        ax.scatter([s.width for s in chosen], [s.score for s in chosen], **ring)
        set_log2_axis(ax, sorted({score.width for score in tried}), "directions")
        ax.set_ylabel("R2" if whole.roc_auc is None else "balanced accuracy")
        ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _plot_finder(self, ax, finder, points):
        colour, marker = _STYLES.get(finder, (BLACK, "."))
        widths, scores = [p.width for p in points], [p.score for p in points]
        ax.plot(widths, scores, color=colour, linewidth=1, zorder=1)
        most = max(score.n_folds for score in self.scores)
        faces = [colour if point.n_folds == most else "white" for point in points]
        ax.scatter(
            widths, scores, marker=marker, c=faces, edgecolors=colour, label=finder
        )
