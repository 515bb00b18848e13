"""What the pages' figures are made of: commands, their output, tables, sentences.

Each record has a command, pages that show it, and four functions: ``read`` turns what
the command printed into numbers by name, ``tables`` makes rows of text for a page,
``sentences`` says which words quote them where, and ``within`` is how far a new run may
lie from the recorded one.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

__all__ = ["FIGURES", "Figures"]

README = "README.rst"
GUIDE = "docs/user_guide"


class Figures(NamedTuple):
    """A command and what is made of its output."""

    command: str
    quoted_in: tuple
    read: Callable
    within: Callable
    tables: Callable = lambda measured: {}
    sentences: Callable = lambda measured: ()


def names_of(measured, place=0):
    """The parts of the names that stand in one place, in their order."""
    return list(dict.fromkeys(name[place] for name in measured))


def in_columns(output, start, width):
    """Numbers by data, setting and column, from columns of one width."""
    # What follows an empty line compares the same numbers with each other.
    header, *lines = output.partition("\n\n")[0].splitlines()
    measured = {}
    for line in lines:
        for i in range(start, len(line), width):
            if cell := line[i : i + width].strip():
                column = header[i : i + width].strip()
                measured[line[:18].strip(), line[18:30].strip(), column] = float(cell)
    return measured


def per_cent(share, sign=" %"):
    """A share in per cent, with a digit behind the point below ten."""
    digits = 1 if share < 0.0995 else 0
    return f"{100 * share:.{digits}f}{sign}"


def short(number, digits):
    """A number without the zero before its point."""
    return re.sub(r"^(-?)0\.", r"\1.", f"{number:.{digits}f}")


# python benchmarks/leakage.py


def read_leakage(output):
    """Columns of 18, 12 and then 10 characters."""
    return in_columns(output, 30, 10)


def tables_leakage(measured):
    """All settings of each data set."""
    return {README: list(_settings(measured))}


def tables_default(measured):
    """Plain rows and the default, next to what the label alone gives."""
    return {f"{GUIDE}/leakage.rst": list(_defaults(measured))}


def _settings(measured):
    yield "data", "rows", "accuracy", "ROC AUC", "log loss", "linked", "R2", "cells"
    formats = {
        "accuracy": lambda share: f"{100 * share:.1f}",
        "ROC AUC": "{:.3f}".format,
        "log loss": "{:.2f}".format,
        "linked": per_cent,
        "R2": "{:.2f}".format,
        "cells": "{:g}".format,
    }
    rows = {"plain": "plain", "default": "default", "scores .1": "scores"}
    for name in names_of(measured):
        for setting, shown in {**rows, "floor": "floor"}.items():
            yield (
                name,
                shown,
                *(
                    write(measured[name, setting, column])
                    if (name, setting, column) in measured
                    else ""
                    for column, write in formats.items()
                ),
            )


def _defaults(measured):
    yield "data", "accuracy", "ROC AUC", "log loss", "linked", "R2", "cells"
    for data in names_of(measured):

        def of(setting, column, data=data):
            return measured[data, setting, column]

        yield (
            data,
            *(
                f"{write(of('plain', column))} → {write(of('default', column))}"
                for column, write in {
                    "accuracy": lambda share: f"{100 * share:.1f}",
                    "ROC AUC": lambda area: short(area, 3),
                    "log loss": lambda loss: short(loss, 2),
                }.items()
            ),
            f"{per_cent(of('default', 'linked'))} ({per_cent(of('floor', 'linked'))})",
            f"{short(of('default', 'R2'), 2)} ({short(of('floor', 'R2'), 2)})",
            f"{of('default', 'cells'):g}",
        )


def sentences_leakage(measured):
    """The log loss of digits."""
    plain, default = (
        measured["digits", setting, "log loss"] for setting in ("plain", "default")
    )
    yield README, f"on digits the log loss rises from {plain:.2f} to {default:.2f}"


def within_leakage(name, value):
    """Two points, or a tenth of what is small; log loss and cells move more."""
    if name[2] == "cells":
        return value
    return 0.1 if name[2] == "log loss" else 0.02


# python benchmarks/label_subspace.py

LABELS = {
    "moons": "two moons and 18 columns of noise",
    "product": "sign of a product, 20 columns",
    "ring": "two rings, 20 columns",
    "maximum": "largest of 4 of 30 columns",
    "clusters": "3 classes in 9 clusters",
    "chi_squared": "sum of ten squares",
    "friedman1": "Friedman's first function (R2)",
    "housing": "housing (R2)",
    "forest_cover": "7 classes, 10 numbers, 40 flags",
    "adult": "6 numbers and 30 flags",
    "rare_product": "a product, 2 % positives",
}


def read_label_subspace(output):
    """A line for each kind of label."""
    measured = {}
    for line in output.splitlines():
        found = re.match(
            r"(\w+)\s+plain +(\S+).*encrypted +(\S+).* (\S+) bits  linked (\S+)%.*"
            r"lost (\S+) ± (\S+) \(largest (\S+)\)",
            line,
        )
        name, *values = found.groups()
        columns = ("plain", "encrypted", "bits", "linked", "lost", "±", "largest")
        measured |= {
            (name, column): float(value)
            for column, value in zip(columns, values, strict=True)
        }
        warned = re.search(r"  warned (\d+) times", line)
        measured[name, "warned"] = float(warned[1] if warned else 0)
    return measured


def tables_label_subspace(measured):
    """All labels."""
    rows = [("labels", "accuracy or R2", "lost", "most", "bits", "linked", "warnings")]
    for name in names_of(measured):
        scores = [measured[name, column] for column in ("plain", "encrypted")]
        is_r2 = abs(scores[0]) <= 1
        shown = [short(s, 2) if is_r2 else f"{s:.1f}" for s in scores]
        loss = partial(short, digits=3) if is_r2 else "{:.1f}".format
        rows.append(
            (
                LABELS[name],
                " → ".join(shown),
                " ± ".join(loss(measured[name, part]) for part in ("lost", "±")),
                loss(measured[name, "largest"]),
                f"{measured[name, 'bits']:.1f}",
                f"{measured[name, 'linked']:.1f} %",
                f"{measured[name, 'warned']:.0f}" if measured[name, "warned"] else "",
            )
        )
    return {f"{GUIDE}/leakage.rst": rows}


def within_label_subspace(name, value):
    """Two points, or .02 of R2; a bit; a point of linking; a warning."""
    if name[1] in ("bits", "linked", "warned"):
        return 1.0
    is_r2 = name[0] in ("friedman1", "housing")
    return 0.02 if is_r2 else 2.0


# python benchmarks/speed.py

PEERS = {
    "sklearn_homeo": "the encryptor",
    "one product": "one bare product with a square matrix",
    "normflows": "normflows",
    "zuko": "zuko",
    "nflows": "nflows (additive)",
    "FrEIA": "FrEIA (each coupling mixes all columns)",
    "CKKS by row": "CKKS (TenSEAL), a row a ciphertext",
    "CKKS packed": "CKKS, ciphertexts filled",
    "AES-GCM": "AES-256-GCM",
}


def read_speed(output):
    """Microseconds a row, and ratios to the encryptor's time, for each width."""
    measured, width = {}, None
    for line in output.splitlines():
        if found := re.match(r"width (\d+), depth", line):
            width = int(found[1])
        found = re.match(r"  (.{14})\s*(\S+) \((\S+)\)\s+(\S+) \((\S+)\)", line)
        if found:
            peer = found[1].strip()
            columns = ("encrypt", "encrypt ratio", "decrypt", "decrypt ratio")
            for column, value in zip(columns, found.groups()[1:], strict=True):
                measured[peer, width, column] = float(value)
    return measured


def microseconds(value):
    """Two digits, and all of them from ten on."""
    if value >= 9.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 0.995 else f"{value:.2f}"


def tables_speed(measured):
    """The encryptor next to a product; next to all."""
    widths = sorted(set(names_of(measured, 1)))
    shown = [("width", "encrypt", "products", "decrypt", "products")]
    for width in widths:
        row = [str(width)]
        for way in ("encrypt", "decrypt"):
            products = 1 / measured["one product", width, f"{way} ratio"]
            row += [microseconds(measured["sklearn_homeo", width, way])]
            row += [f"{products:.1f}"]
        shown.append(row)
    return {README: shown, f"{GUIDE}/scaling.rst": _both_ways(measured, PEERS, widths)}


def _both_ways(measured, words, widths):
    """Microseconds to encrypt and to decrypt, a row for each name, a column a width."""
    rows = [("", *(f"{width:,} features" for width in widths))]
    for name, shown in words.items():
        cells = [
            ", ".join(
                microseconds(measured[name, width, way])
                for way in ("encrypt", "decrypt")
                if (name, width, way) in measured
            )
            for width in widths
        ]
        rows.append((shown, *cells))
    return rows


def sentences_speed(measured):
    """What CKKS and AES take, in the encryptor's time, and how that grows."""
    there, back = (
        measured["CKKS by row", 512, f"{way} ratio"] for way in ("encrypt", "decrypt")
    )
    plain = [1 / ratio for ratio in _ratios(measured, "AES-GCM")]
    faster = f"{min(plain):.0f} to {max(plain):.0f} times as fast"
    yield README, f"takes {there:.0f} times as long to encrypt and {back:.0f} times"
    yield README, f"plain encryption (AES-GCM) is {faster}"
    page = f"{GUIDE}/scaling.rst"
    yield page, f"takes {there:.0f} times as long to encrypt a row and {back:.0f} times"
    yield page, f"Plain AES-GCM of the same bytes is {faster}"
    flows = ("normflows", "zuko", "nflows", "FrEIA")
    fastest = min(min(_ratios(measured, flow, 512)) for flow in flows)
    yield page, f"at 512 features the fastest of them takes {fastest:.1f} times as long"
    products = [
        max(1 / ratio for ratio in _ratios(measured, "one product", width))
        for width in (512, 1280, 4096)
    ]
    yield (
        page,
        (
            "takes {:.1f} products at 512 features, {:.1f} at 1,280 and {:.1f} at "
            "4,096".format(*products)
        ),
    )


def _ratios(measured, peer, width=None):
    return [
        value
        for name, value in measured.items()
        if name[0] == peer and width in (None, name[1]) and name[2].endswith("ratio")
    ]


def within_speed(name, value):
    """Machines differ, so times may halve or double."""
    return value


# python benchmarks/speed_gpu.py

WAYS = {
    "tensors": "tensors that are on the GPU",
    "arrays": "arrays, to the GPU and back",
    "NumPy": "NumPy, one thread of the same machine",
}


def read_speed_gpu(output):
    """Microseconds a row, by way, columns and direction."""
    measured = {}
    for line in output.splitlines():
        found = re.match(
            r" *(\d+) columns, (\S+) +encrypt +(\S+), decrypt +(\S+) us", line
        )
        if found:
            for direction, value in zip(
                ("encrypt", "decrypt"), found.groups()[2:], strict=True
            ):
                measured[found[2], int(found[1]), direction] = float(value)
    return measured


def tables_speed_gpu(measured):
    """Both directions, for each number of columns."""
    rows = _both_ways(measured, WAYS, names_of(measured, 1))
    return {f"{GUIDE}/scaling.rst": rows}


# python benchmarks/networks_gpu.py


def read_networks_gpu(output):
    """How many times as fast each network is trained on the GPU."""
    lines = iter(output.splitlines())
    return {
        (line.partition(",")[0],): float(re.search(r"(\S+) times", next(lines))[1])
        for line in lines
    }


def sentences_networks_gpu(measured):
    """In words."""
    speeds = [measured[name,] for name in ("autoencoder", "variational", "synthesizer")]
    yield (
        f"{GUIDE}/scaling.rst",
        (
            "trains autoencoders {:.1f} and {:.1f} times as fast as 16 processors. The "
            "small network of a synthesizer gains nothing ({:.1f} times)".format(
                *speeds
            )
        ),
    )


# python benchmarks/hybrid.py


def read_hybrid(output):
    """Markdown tables below lines like "wine: membership, ..."."""
    measured, data = {}, None
    for line in output.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if len(cells) == 1:
            data, header = line.partition(":")[0] or data, None
        elif header is None:
            header = cells
        elif cells[0] != "---":
            for column, cell in zip(header, cells, strict=True):
                if re.fullmatch(r"\d+\.\d+", cell):
                    names = cells[: 2 if header[1] == "attacker" else 1]
                    measured[data, *names, column] = float(cell)
    return measured


def tables_hybrid_membership(measured):
    """The AUC of an attacker who has the key, next to that of the control."""
    rows = [("data", "AUC", "control", "fitted to members", "its control")]
    for data in names_of(measured):
        areas = [
            measured[data, made, f"key leaked, frame {frame}", "AUC"]
            for frame in ("all", "members")
            for made in ("hybrid", "control")
        ]
        rows.append((data, *(f"{area:.2f}" for area in areas)))
    return {f"{GUIDE}/synthesis.rst": rows}


def tables_hybrid_photographs(measured):
    """Accuracy by the number of photographs of each class."""
    shown = {"real": "plain", "encrypted": "encrypted", "hybrid": "hybrid"}
    sizes = names_of(measured, 2)
    rows = [("trained on", *sizes)]
    for data in names_of(measured):
        for kind, words in shown.items():
            scores = [measured[data, kind, size] for size in sizes]
            rows.append((words, *(f"{score:.1f}" for score in scores)))
    return {f"{GUIDE}/synthesis.rst": rows}


def within_hybrid(name, value):
    """.05 of an AUC; three points of anything else."""
    return 0.05 if name[-1] == "AUC" else 3.0


# python benchmarks/bare_view.py


def read_bare_view(output):
    """A Markdown table."""
    measured = {}
    for line in output.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if len(cells) == 8 and re.match(r"[-+]?\d", cells[3]):
            columns = ("ciphertext", "view", "random digits", "gain", "most")
            for column, cell in zip(columns, cells[3:], strict=True):
                measured[*cells[:3], column] = float(cell.split(" ± ")[0])
    return measured


def tables_bare_view(measured):
    """For each setting the best attack's R2."""
    rows = [("data", "leakage", "ciphertexts", "the views")]
    settings = list(dict.fromkeys(name[:2] for name in measured))
    for setting in settings:
        best = [
            max(value for n, value in measured.items() if (n[:2], n[3]) == (setting, c))
            for c in ("ciphertext", "view")
        ]
        rows.append((setting[0], f"``{setting[1]}``", *(f"{r2:.3f}" for r2 in best)))
    return {"docs/for_reviewers.rst": rows}


def sentences_bare_view(measured):
    """The greatest gains, on average and under one key, and what trees gain."""
    page = "docs/for_reviewers.rst"
    gain, most = (
        max(value for name, value in measured.items() if name[3] == column)
        for column in ("gain", "most")
    )
    gain = max(0.0, gain)
    yield page, f"No attack gained more than {gain:.3f} on average over the five keys"
    yield page, f"and none more than {most:.3f} under a single key"
    noisy = (
        measured["breast cancer", "scores", "extra trees", "ciphertext"]
        - measured["breast cancer", "scores", "extra trees", "view"]
    )
    yield page, f"gains {short(noisy, 2)} on breast cancer at scores"


def within_bare_view(name, value):
    """An interval of keys."""
    return 0.02


# python benchmarks/owners.py


def read_owners(output):
    """Columns of 18, 14, 14 and then 16 characters."""
    measured = in_columns(output, 46, 16)
    for line in output.splitlines()[1:]:
        points, _, interval = line[32:46].partition("±")
        start = line[:18].strip(), line[18:32].strip()
        measured[(*start, "points")] = float(points)
        measured[(*start, "interval")] = float(interval)
    return measured


def tables_owners(measured):
    """Accuracy of each setting, and how far others are from the pooled fit."""
    compared = {"reordered": "in another order", "3 owners": "3 owners"}
    compared["20 owners"] = "20 owners"
    rows = [("data", "plain rows", "pooled fit", *compared.values())]
    for data in names_of(measured):
        accuracies = [measured[data, one, "accuracy"] for one in ("plain", "pooled")]
        points = (
            f"{measured[data, one, 'points']:+.1f} ± "
            f"{measured[data, one, 'interval']:.1f}"
            for one in compared
        )
        rows.append((data, *(f"{100 * one:.1f}" for one in accuracies), *points))
    return {f"{GUIDE}/owners.rst": rows}


def sentences_owners(measured):
    """What travels."""
    sent = [value for name, value in measured.items() if name[2] == "megabytes"]
    page = f"{GUIDE}/owners.rst"
    yield page, f"An owner sent {min(sent):.0f} to {max(sent):.0f} megabytes"


def within_owners(name, value):
    """A point; times may double."""
    near = {"accuracy": 0.01, "ROC AUC": 0.01, "points": 1.0, "interval": 1.0}
    return near.get(name[2], value)


# python benchmarks/owners_noise.py


def read_owners_noise(output):
    """Columns of 9, 16 and 14 characters: rows, the noise, accuracy in per cent."""
    return {
        (line[11:25].strip(), line[:9].strip()): float(line[25:].split()[0])
        for line in output.splitlines()[1:]
    }


def tables_owners_noise(measured):
    """A line for each epsilon, a column for each number of rows."""
    sizes = names_of(measured, 1)
    rows = [("epsilon, noise of each owner", *(f"{size} rows" for size in sizes))]
    for noise in names_of(measured):
        rows.append((noise, *(f"{measured[noise, size]:.1f}" for size in sizes)))
    return {f"{GUIDE}/owners.rst": rows}


def within_owners_noise(name, value):
    """Points: every run draws other noise."""
    return 15.0


# python benchmarks/shared_view.py


def read_shared_view(output):
    """A sentence for each data set."""
    columns = ("plain", "joint", "alone", "linked", "bound")
    return {
        (line.partition(":")[0].removeprefix("load_"), column): float(value)
        for line in output.splitlines()
        for column, value in zip(columns, re.findall(r"([\d.]+)%", line), strict=True)
    }


def sentences_shared_view(measured):
    """What models gain, and what another owner links."""
    page = f"{GUIDE}/keys.rst"
    digits, cancer = (
        {column: measured[data, column] for column in names_of(measured, 1)}
        for data in ("digits", "breast_cancer")
    )
    yield page, "got {joint} % right on digits".format(**digits)
    yield (
        page,
        "rows gave {plain} % and the best owner alone {alone} %".format(**digits),
    )
    yield page, "on breast cancer {joint}, {plain} and {alone} %".format(**cancer)
    linked = "{linked} % (bound {bound} %)"
    yield page, f"linked {linked.format(**digits)} and {linked.format(**cancer)}"


def within_shared_view(name, value):
    """Points."""
    return 1.5


# python benchmarks/rekeying.py --models


def read_rekeying(output):
    """Answers that change, of all, by data, model and what the model is asked about."""
    measured = {}
    for line in output.splitlines():
        name, _, counts = line.partition(":")
        data, model = re.fullmatch(r"load_(\w+) \(\w+\), (\w+)", name).groups()
        found = re.findall(r"(\d+) of (\d+)", counts)
        for kind, (changed, asked) in zip(("whole", "views"), found, strict=True):
            measured[data, model, kind, "changed"] = int(changed)
            measured[data, model, kind, "asked"] = int(asked)
    return measured


def sentences_rekeying(measured):
    """How many answers change in all."""
    whole = {name[3]: 0 for name in measured}
    for name, value in measured.items():
        whole[name[3]] += value if name[2] == "whole" else 0
    yield f"{GUIDE}/keys.rst", "{changed} of {asked:,} on two tables".format(**whole)


def within_rekeying(name, value):
    """Every key is another one, but views never change."""
    return 15 if name[2:] == ("whole", "changed") else 0


# python benchmarks/bounds.py


def read_bounds(output):
    """Width, then a column for each number of questions."""
    measured = {}
    for line in output.splitlines()[1:]:
        width, *bounds = map(int, line.split())
        for power, bound in zip((20, 30), bounds, strict=True):
            measured[width, power] = bound
    return measured


def tables_bounds(measured):
    """The exponents."""
    rows = [("width", "2^20 questions", "2^30 questions")]
    for width in names_of(measured):
        shown = f"{width:,}" + " (not in use)" * (width < 5)
        rows.append((shown, *(str(measured[width, power]) for power in (20, 30))))
    return {"docs/mathematics.rst": rows}


def sentences_bounds(measured):
    """In words."""
    worst = [max(measured[width, power] for width in (5, 512)) for power in (20, 30)]
    yield (
        "docs/guarantees.rst",
        (
            f"at most 2\\ :sup:`{worst[0]}` for 5 to 512 columns, "
            f"after 2\\ :sup:`30` rows 2\\ :sup:`{worst[1]}`"
        ),
    )


FIGURES = {
    "leakage": Figures(
        'python benchmarks/leakage.py --only digits "breast cancer" wine --keys 1',
        (README,),
        read_leakage,
        within_leakage,
        tables_leakage,
        sentences_leakage,
    ),
    "leakage_default": Figures(
        'python benchmarks/leakage.py --only iris wine "breast cancer" digits '
        '"images of digits" "2 % positives" overlapping "product among 20" '
        "--settings default --keys 2",
        (f"{GUIDE}/leakage.rst",),
        read_leakage,
        within_leakage,
        tables_default,
    ),
    "label_subspace": Figures(
        "python benchmarks/label_subspace.py --leakage auto --only moons product ring "
        "maximum clusters chi_squared friedman1 housing forest_cover adult "
        "rare_product --seeds 5",
        (f"{GUIDE}/leakage.rst",),
        read_label_subspace,
        within_label_subspace,
        tables_label_subspace,
    ),
    "speed": Figures(
        "python benchmarks/speed.py --widths 512 1280 4096 --depths 3",
        (README, f"{GUIDE}/scaling.rst"),
        read_speed,
        within_speed,
        tables_speed,
        sentences_speed,
    ),
    "speed_gpu": Figures(
        "python benchmarks/speed_gpu.py --rows 50000 --repeats 3",
        (f"{GUIDE}/scaling.rst",),
        read_speed_gpu,
        within_speed,
        tables_speed_gpu,
    ),
    "networks_gpu": Figures(
        "python benchmarks/networks_gpu.py",
        (f"{GUIDE}/scaling.rst",),
        read_networks_gpu,
        within_speed,
        sentences=sentences_networks_gpu,
    ),
    "hybrid_membership": Figures(
        "python benchmarks/hybrid.py --studies membership",
        (f"{GUIDE}/synthesis.rst",),
        read_hybrid,
        within_hybrid,
        tables_hybrid_membership,
    ),
    "hybrid_photographs": Figures(
        "python benchmarks/hybrid.py --data DIR --studies small",
        (f"{GUIDE}/synthesis.rst",),
        read_hybrid,
        within_hybrid,
        tables_hybrid_photographs,
    ),
    "bare_view": Figures(
        "python benchmarks/bare_view.py",
        ("docs/for_reviewers.rst",),
        read_bare_view,
        within_bare_view,
        tables_bare_view,
        sentences_bare_view,
    ),
    "owners": Figures(
        "python benchmarks/owners.py --first 200",
        (f"{GUIDE}/owners.rst",),
        read_owners,
        within_owners,
        tables_owners,
        sentences_owners,
    ),
    "owners_noise": Figures(
        "python benchmarks/owners_noise.py",
        (f"{GUIDE}/owners.rst",),
        read_owners_noise,
        within_owners_noise,
        tables_owners_noise,
    ),
    "shared_view": Figures(
        "python benchmarks/shared_view.py --repeats 3",
        (f"{GUIDE}/keys.rst",),
        read_shared_view,
        within_shared_view,
        sentences=sentences_shared_view,
    ),
    "rekeying": Figures(
        "python benchmarks/rekeying.py --models",
        (f"{GUIDE}/keys.rst",),
        read_rekeying,
        within_rekeying,
        sentences=sentences_rekeying,
    ),
    "bounds": Figures(
        "python benchmarks/bounds.py",
        ("docs/mathematics.rst",),
        read_bounds,
        lambda name, value: 0,
        tables_bounds,
        sentences_bounds,
    ),
}
