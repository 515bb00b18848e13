"""How fast rows are encrypted and decrypted, and what else takes as long.

The encryptor is compared with one bare product of the rows with a square matrix, and
with coupling flows of the same width and depth in float64 (FrEIA, normflows, nflows,
zuko). So are homomorphic encryption of the same rows (TenSEAL's CKKS) and plain
encryption of the same bytes (AES-256-GCM). All run in turn, several times over. A ratio
is the median of the ratios of each turn, so that other work of the machine falls on
both alike.

    pip install -c constraints.txt -e ".[bench]"
    python benchmarks/speed.py --threads 2
    python benchmarks/speed.py --widths 512 1280 --depths 3 --repeats 9
    python benchmarks/speed.py --growth

Writes speed.csv and speed.png, or growth.csv and growth.png: how the time grows with
rows and depth, and what a thousand million rows would take.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import speed_peers
from csv_files import write_csv
from fitted_encryptor import make_encryptor
from speed_peers import COMPETITORS
from threadpoolctl import threadpool_limits

from sklearn_homeo._utils.plotting import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    label_points,
    make_figure,
)

WIDTHS = (64, 512, 1280, 4096, 25_000)
DEPTHS = (1, 3, 10)
ENTRIES = 2**22
SLOW = {"CKKS packed": 16, "CKKS by row": 64}  # times fewer rows
GROWTH_ROWS = (1_000, 10_000, 100_000, 1_000_000)
GROWTH_DEPTHS = (1, 3, 10, 30)
MANY_ROWS = 10**9
COLOURS = {"sklearn_homeo": BLUE, "one product": BLACK, "AES-GCM": GREEN}
COLOURS |= {"CKKS packed": ORANGE, "CKKS by row": ORANGE}


def main(argv=None):
    options = _parse(argv)
    os.makedirs(options.out, exist_ok=True)
    speed_peers.N_COUPLINGS = options.couplings
    with threadpool_limits(options.threads), _TorchThreads(options.threads):
        if options.growth:
            return _measure_growth(options)
        return _measure_speed(options)


def _measure_speed(options):
    rows = []
    for width in options.widths:
        for depth in options.depths:
            rows += measure_setting(width, depth, options)
            _report(rows, width, depth)
    folder = Path(options.out)
    write_csv(rows, folder / "speed.csv")
    _draw(rows, folder / "speed.png")
    print(f"Files in {folder}{os.sep}: speed.csv, speed.png")
    return 0


def measure_setting(width, depth, options):
    """Rows of the CSV file for all competitors at one width and depth."""
    encryptor = make_encryptor(width, depth)
    n_rows = max(32, options.entries // width)
    X = np.random.default_rng(1).normal(size=(n_rows, width))
    runs = dict(_prepare(encryptor, X, options.competitors))
    for repeat in range(-1, options.repeats):  # the first warms up
        for run in runs.values():
            run.take_turn(keep=repeat >= 0)
    return [
        {
            "width": width,
            "depth": depth,
            "threads": options.threads,
            "competitor": name,
            "couplings": options.couplings,
            "direction": direction,
            **run.summary(direction, runs.get("sklearn_homeo", run)),
        }
        for name, run in runs.items()
        for direction in ("encrypt", "decrypt")
    ]


def _prepare(encryptor, X, names):
    for name in names:
        rows = X[: max(1, len(X) // SLOW.get(name, 1))]
        try:
            yield name, _Run(*COMPETITORS[name](encryptor), rows)
        except ImportError as error:
            print(f'{name} left out: {error}. pip install -e ".[bench]"')
        except MemoryError as error:
            print(f"{name} left out: {error}")


class _Run:
    """A competitor's functions and the seconds that each turn took."""

    def __init__(self, encrypt, decrypt, rows):
        self.encrypt, self.decrypt, self.rows = encrypt, decrypt, rows
        self.seconds = {"encrypt": [], "decrypt": []}

    def take_turn(self, keep):
        start = time.perf_counter()
        found = self.encrypt(self.rows)
        middle = time.perf_counter()
        self.decrypt(found)
        end = time.perf_counter()
        if keep:
            self.seconds["encrypt"].append((middle - start) / len(self.rows))
            self.seconds["decrypt"].append((end - middle) / len(self.rows))

    def summary(self, direction, reference):
        """Medians, and the ratio of each turn's time to that of the encryptor."""
        own = np.array(self.seconds[direction])
        ratios = own / np.array(reference.seconds[direction])
        low, high = np.quantile(ratios, [0.25, 0.75])
        second = float(np.median(own))
        return {
            "rows": len(self.rows),
            "us_per_row": f"{1e6 * second:.4g}",
            "rows_per_s": f"{1 / second:.4g}",
            "gb_per_s": f"{8e-9 * self.rows.shape[1] / second:.4g}",
            "time_ratio": f"{np.median(ratios):.4g}",
            "ratio_quartiles": f"{low:.4g} {high:.4g}",
        }


def _report(rows, width, depth):
    print(f"\nwidth {width}, depth {depth}: us a row (times the encryptor's time)")
    chosen = [r for r in rows if (r["width"], r["depth"]) == (width, depth)]
    for first, second in zip(chosen[::2], chosen[1::2], strict=True):
        cells = [f"{r['us_per_row']:>9} ({r['time_ratio']})" for r in (first, second)]
        print(f"  {first['competitor']:<14}{cells[0]:<24}{cells[1]}", flush=True)
        if first["competitor"] == "one product":
            own = [1 / float(r["time_ratio"]) for r in (first, second)]
            print("  so the encryptor takes {:.2f} and {:.2f} products".format(*own))


def _draw(rows, path):
    depth = max({row["depth"] for row in rows} & {3} or {row["depth"] for row in rows})
    names = list(dict.fromkeys(row["competitor"] for row in rows))
    figure = make_figure(9, 4.2)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, direction in zip(axes, ("encrypt", "decrypt"), strict=True):
        ax.set(xscale="log", yscale="log", xlabel="features", title=direction)
        ax.spines[["top", "right"]].set_visible(False)
        lasts = []
        for name in names:
            points = [
                (row["width"], float(row["us_per_row"]))
                for row in rows
                if (row["competitor"], row["direction"], row["depth"])
                == (name, direction, depth)
            ]
            style = "--" if name == "one product" else "-"
            colour = COLOURS.get(name, GREY)
            ax.plot(*zip(*points, strict=True), style, color=colour, marker="o")
            lasts.append(points[-1])
        label_points(ax, *zip(*lasts, strict=True), names)
    axes[0].set_ylabel(f"microseconds a row, depth {depth}")
    figure.savefig(path, dpi=130)


def _measure_growth(options):
    """Time over rows at one width, over depth at another, and what follows."""
    rows = []
    for direction in ("encrypt", "decrypt"):
        rows += _grow_rows(64, direction, options) + _grow_depth(
            512, direction, options
        )
    folder = Path(options.out)
    write_csv(rows, folder / "growth.csv")
    for quantity in ("rows", "depth"):
        for direction in ("encrypt", "decrypt"):
            _report_growth(rows, quantity, direction)
    _draw_growth(rows, folder / "growth.png")
    print(f"Files in {folder}{os.sep}: growth.csv, growth.png")
    return 0


def _grow_rows(width, direction, options):
    encryptor = make_encryptor(width, 3)
    X = np.random.default_rng(1).normal(size=(max(options.growth_rows), width))
    if direction == "decrypt":
        encryptor.encrypt_into(X, X)
    out, seconds = np.empty_like(X), {n: [] for n in options.growth_rows}
    into = getattr(encryptor, f"{direction}_into")
    for _ in range(options.repeats):
        for n, times in seconds.items():
            start = time.perf_counter()
            into(X[:n], out[:n])
            times.append(time.perf_counter() - start)
    return [
        _growth_row("rows", n, width, direction, times) for n, times in seconds.items()
    ]


def _grow_depth(width, direction, options):
    X = np.random.default_rng(1).normal(size=(options.entries // width, width))
    runs = {}
    for depth in GROWTH_DEPTHS:
        encryptor = make_encryptor(width, depth)
        rows = X if direction == "encrypt" else encryptor.transform(X)
        runs[depth] = (getattr(encryptor, f"{direction}_into"), rows, [])
    out = np.empty_like(X)
    for _ in range(options.repeats):
        for into, rows, times in runs.values():
            start = time.perf_counter()
            into(rows, out)
            times.append(time.perf_counter() - start)
    return [
        _growth_row("depth", depth, width, direction, times)
        for depth, (_, _, times) in runs.items()
    ]


def _growth_row(quantity, value, width, direction, times):
    seconds = float(np.median(times))
    return {
        "quantity": quantity,
        "value": value,
        "width": width,
        "direction": direction,
        "seconds": f"{seconds:.6g}",
    }


def _points(rows, quantity, direction):
    chosen = [
        (row["value"], float(row["seconds"]))
        for row in rows
        if (row["quantity"], row["direction"]) == (quantity, direction)
    ]
    return np.array(chosen).T


def _report_growth(rows, quantity, direction):
    values, seconds = _points(rows, quantity, direction)
    if quantity == "rows":
        exponent = np.polyfit(np.log(values), np.log(seconds), 1)[0]
        hours = seconds[-1] * MANY_ROWS / values[-1] / 3600
        print(
            f"{direction}, rows {values[0]:.0f} to {values[-1]:.0f}: exponent "
            f"{exponent:.3f}; {MANY_ROWS:.0e} rows would take {hours:.2f} h here"
        )
        return
    slope, start = np.polyfit(values, seconds, 1)
    off = np.abs(seconds / (start + slope * values) - 1).max()
    print(
        f"{direction}, depth: {start:.3g} s + {slope:.3g} s a lock, at most {off:.1%} "
        "off that line"
    )


def _draw_growth(rows, path):
    figure = make_figure(7.5, 3.2)
    scales = {"rows": "log", "depth": "linear"}
    for ax, (quantity, scale) in zip(
        figure.subplots(1, 2), scales.items(), strict=True
    ):
        for direction, colour in (("encrypt", BLUE), ("decrypt", ORANGE)):
            values, seconds = _points(rows, quantity, direction)
            ax.plot(values, seconds, color=colour, marker="o", label=direction)
        ax.set(xscale=scale, yscale=scale, xlabel=quantity, ylabel="seconds")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False)
    figure.savefig(path, dpi=130)


class _TorchThreads:
    """As many threads for the flows as for NumPy; nothing without torch."""

    def __init__(self, n_threads):
        self.n_threads = n_threads

    def __enter__(self):
        import torch

        self.before = torch.get_num_threads()
        torch.set_num_threads(self.n_threads)

    def __exit__(self, *error):
        import torch

        torch.set_num_threads(self.before)


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--widths", type=int, nargs="+", default=WIDTHS)
    add("--depths", type=int, nargs="+", default=DEPTHS)
    add("--competitors", nargs="+", choices=COMPETITORS, default=list(COMPETITORS))
    add("--entries", type=int, default=ENTRIES, help="numbers to encrypt at a time")
    add("--repeats", type=int, default=5)
    add("--couplings", type=int, default=2, help="of a flow, for each lock")
    add("--threads", type=int, default=2)
    add("--growth", action="store_true", help="growth with rows and depth instead")
    add("--growth-rows", type=int, nargs="+", default=GROWTH_ROWS)
    add("--out", default="benchmarks/output", metavar="DIR")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
