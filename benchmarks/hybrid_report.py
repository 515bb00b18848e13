"""Tables and figure of the hybrid benchmark."""

import numpy as np
from intervals import half_interval

from sklearn_homeo._utils.plotting import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILION,
    make_figure,
)
from sklearn_homeo.demo.evaluation import make_models

__all__ = ["draw_hybrid", "print_hybrid"]

PURPLE = "#CC79A7"
TRAINED_ON = {
    "real": GREY,
    "encrypted": BLUE,
    "synthetic": GREEN,
    "hybrid": ORANGE,
    "SMOTE, encrypted": VERMILION,
    "KDE, encrypted": PURPLE,
}


def _mean(rows, **wanted):
    """Mean of the values whose columns are as wanted; nan if there are none."""
    chosen = [
        row["value"] for row in rows if all(row[k] == v for k, v in wanted.items())
    ]
    return float(np.mean(chosen)) if chosen else float("nan")


def _best(rows, study, name, setting):
    """The worst attack's figures, one a repeat."""
    found = [
        row["value"]
        for row in rows
        if row["measure"].startswith("best")
        and (row["study"], row["trained_on"], row["setting"]) == (study, name, setting)
    ]
    return np.array(found)


def print_hybrid(rows):
    """Print Markdown tables of rows as `hybrid.py` measures them."""
    for name in dict.fromkeys(row["dataset"] for row in rows):
        mine = [row for row in rows if row["dataset"] == name]
        studies = {row["study"] for row in mine}
        if "utility" in studies:
            print(f"\n{name}: accuracy, %\n")
            models = list(make_models("classification"))
            _print_table(
                ["trained on", *models, "mean", "loss"],
                [_utility_line(mine, trained_on, models) for trained_on in TRAINED_ON],
            )
        if "auc" in studies:
            print(f"\n{name}: membership, best attack (true positives at 1 %)\n")
            lines = _membership_lines(mine)
            header = ["rows", "attacker", "AUC", "above control", "TPR, %", "copies"]
            _print_table(header, lines)
        if sizes := _small_sizes(mine):
            print(f"\n{name}: mean accuracy, %, by rows of each class\n")
            _print_table(
                ["trained on", *sizes],
                [
                    [one, *(f"{100 * _small(mine, one, s):.1f}" for s in sizes)]
                    for one in ("real", "encrypted", "hybrid")
                ],
            )


def _utility_line(rows, name, models):
    scores = [
        _mean(rows, study="utility", trained_on=name, measure=model) for model in models
    ]
    loss = _mean(rows, study="utility", trained_on="real") - np.mean(scores)
    figures = [*scores, np.mean(scores), loss]
    return [name, *(f"{100 * value:z.1f}" for value in figures)]


def _membership_lines(rows):
    lines = []
    pairs = [(row["trained_on"], row["setting"]) for row in rows if _is_best(row)]
    for name, setting in dict.fromkeys(pairs):
        frame = setting.rsplit(" ", 1)[-1]
        copies = _mean(rows, trained_on=name, measure="n_copies", setting=frame)
        auc, tpr = (_best(rows, s, name, setting).mean() for s in ("auc", "tpr"))
        shown = "-" if np.isnan(copies) else f"{copies:.1f}"
        above = _above_control(rows, name, setting)
        lines.append([name, setting, f"{auc:.3f}", above, f"{100 * tpr:.1f}", shown])
    return lines


def _above_control(rows, name, setting):
    """Mean difference from the control on the same split, with its interval.

    The split decides how alike candidates are to the reference; that moves both AUCs.
    """
    areas, control = (_best(rows, "auc", of, setting) for of in (name, "control"))
    if name == "control" or len(control) < 2:
        return "-"
    difference = areas - control
    return f"{difference.mean():+.3f} ± {half_interval(difference):.3f}"


def _is_best(row):
    return row["study"] == "auc" and row["measure"].startswith("best")


def _small_sizes(rows):
    return list(
        dict.fromkeys(r["setting"] for r in rows if r["study"] == "small classes")
    )


def _small(rows, name, size):
    return _mean(rows, study="small classes", trained_on=name, setting=size)


def _print_table(header, lines):
    for line in (header, ["---"] * len(header), *lines):
        print("| " + " | ".join(line) + " |")


def draw_hybrid(rows, path):
    """Draw accuracy, attacks and small classes of every data set as a PNG file."""
    names = list(dict.fromkeys(row["dataset"] for row in rows))
    figure = make_figure(14, 3.8 * len(names))
    axes = figure.subplots(len(names), 3, squeeze=False)
    for name, (utility, attack, small) in zip(names, axes, strict=True):
        mine = [row for row in rows if row["dataset"] == name]
        _draw_utility(utility, mine)
        _draw_attacks(attack, mine)
        _draw_small(small, mine)
        utility.set_title(f"{name}: trained on ..., tested on real rows", fontsize=10)
        attack.set_title(f"{name}: best membership attack", fontsize=10)
        small.set_title(f"{name}: few rows of each class", fontsize=10)
    for ax in axes.ravel():
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def _draw_utility(ax, rows):
    scores = [
        100 * _mean(rows, study="utility", trained_on=name) for name in TRAINED_ON
    ]
    bars = ax.barh(list(TRAINED_ON), scores, color=list(TRAINED_ON.values()))
    ax.bar_label(bars, fmt="%.1f", padding=2, fontsize=9)
    ax.set_xlim(max(0, min(scores) - 8), 102)
    ax.set_xlabel("accuracy, %, mean of five models")
    ax.invert_yaxis()


def _draw_attacks(ax, rows):
    names = ["hybrid", "control", "SMOTE, encrypted", "KDE, encrypted"]
    settings = {
        "key leaked, frame all": VERMILION,
        "key leaked, frame members": ORANGE,
        "no key, frame all": BLUE,
    }
    for number, (setting, colour) in enumerate(settings.items()):
        values = [_best(rows, "auc", name, setting).mean() for name in names]
        places = np.arange(len(names)) + (number - 1) * 0.27
        bars = ax.barh(places, values, 0.27, color=colour, label=setting)
        ax.bar_label(bars, fmt="%.2f", padding=2, fontsize=8)
    ax.axvline(0.5, color="black", linewidth=0.8, linestyle=":")
    ax.set_yticks(range(len(names)), names)
    ax.set_xlim(0.4, 1.1)
    ax.set_xlabel("AUC (dotted: chance)")
    ax.invert_yaxis()
    ax.legend(frameon=False, fontsize=8, loc="lower right")


def _draw_small(ax, rows):
    sizes = _small_sizes(rows)
    if not sizes:
        ax.text(0.5, 0.5, "classes are too small", ha="center", transform=ax.transAxes)
    for name in ("real", "encrypted", "hybrid"):
        scores = [100 * _small(rows, name, size) for size in sizes]
        ax.plot(
            [int(s) for s in sizes],
            scores,
            color=TRAINED_ON[name],
            marker="o",
            label=name,
        )
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, high - 10), min(high + 2, 101))
    ax.set_xticks([int(size) for size in sizes])
    ax.set_xlabel("rows of each class")
    ax.set_ylabel("accuracy, %")
    ax.legend(frameon=False, fontsize=9)
