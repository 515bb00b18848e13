"""Encryption on a GPU: the same bits as on the CPU, and how fast.

    python benchmarks/speed_gpu.py
    python benchmarks/speed_gpu.py --device cpu --rows 2000

Three ways take turns: tensors that are on the device already, arrays that travel to the
device and back (``device="cuda"``), and NumPy with one thread. Prints microseconds a
row, medians of several turns, and writes speed_gpu.csv.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from csv_files import write_csv
from fitted_encryptor import make_encryptor
from threadpoolctl import threadpool_limits

from sklearn_homeo.ciphers.tensors import TensorCipher

CHECKED_WIDTHS = (13, 300, 512, 4200)
WIDTHS = (512, 1280)


def main(argv=None):
    options = _parse(argv)
    os.makedirs(options.out, exist_ok=True)
    device = torch.device(options.device)
    for width in CHECKED_WIDTHS:
        check_bits(width, device)
    widths = ", ".join(map(str, CHECKED_WIDTHS))
    print(f"{_name(device)}: the same bits as on the CPU at {widths} columns")
    rows = [row for width in options.widths for row in measure(width, device, options)]
    write_csv(rows, Path(options.out) / "speed_gpu.csv")
    return 0


def check_bits(width, device):
    """Raise RuntimeError if the device and NumPy write different ciphertexts."""
    encryptor = make_encryptor(width, 3)
    X = 5 * np.random.default_rng(1).normal(size=(300, width))
    expected, found, back, restored = (np.empty_like(X) for _ in range(4))
    encryptor.encrypt_into(X, expected)
    encryptor.decrypt_into(expected, restored)
    cipher = TensorCipher(encryptor._cipher, device)
    cipher.encrypt(X, found)
    valid = cipher.decrypt(found, back)
    same = np.array_equal(found, expected) and np.array_equal(back, restored)
    if not (valid.all() and same):
        raise RuntimeError(f"{width} columns: {device} and the CPU differ")


def measure(width, device, options):
    """Time both directions at a width, all ways in turn; rows of the table."""
    ways = _ways(width, device, options.rows)
    seconds = {name: ([], []) for name in ways}
    for repeat in range(-1, options.repeats):  # The first warms up.
        for name, directions in ways.items():
            for run, times in zip(directions, seconds[name], strict=True):
                taken = _seconds(run, device)
                if repeat >= 0:
                    times.append(taken)
    rows = [
        {
            "device": _name(device),
            "width": width,
            "rows": options.rows,
            "way": name,
            **{
                f"{direction}_us_per_row": f"{1e6 * np.median(t) / options.rows:.4g}"
                for direction, t in zip(("encrypt", "decrypt"), times, strict=True)
            },
        }
        for name, times in seconds.items()
    ]
    for row in rows:
        print(
            "{width:>6} columns, {way:<7} encrypt {encrypt_us_per_row:>6}, decrypt "
            "{decrypt_us_per_row:>6} us a row".format(**row),
            flush=True,
        )
    return rows


def _ways(width, device, n_rows):
    encryptor = make_encryptor(width, 3)
    cipher = TensorCipher(encryptor._cipher, device)
    X = torch.randn(n_rows, width, dtype=torch.float64, device=device)
    Z, back = torch.empty_like(X), torch.empty_like(X)
    arrays = X.cpu().numpy()
    encrypted, opened = np.empty_like(arrays), np.empty_like(arrays)

    def by(place):
        def run(direction, rows, out):
            encryptor.set_params(device=place)
            with threadpool_limits(1):
                getattr(encryptor, f"{direction}_into")(rows, out)

        return (
            lambda: run("encrypt", arrays, encrypted),
            lambda: run("decrypt", encrypted, opened),
        )

    return {
        "tensors": (lambda: cipher.encrypt(X, Z), lambda: cipher.decrypt(Z, back)),
        "arrays": by(str(device)),
        "NumPy": by(None),
    }


def _name(device):
    return torch.cuda.get_device_name() if device.type == "cuda" else "CPU"


def _seconds(run, device):
    _wait(device)
    start = time.perf_counter()
    run()
    _wait(device)
    return time.perf_counter() - start


def _wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--device", default="cuda")
    add("--widths", type=int, nargs="+", default=WIDTHS)
    add("--rows", type=int, default=100_000)
    add("--repeats", type=int, default=5)
    add("--out", default="benchmarks/output", metavar="DIR")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
