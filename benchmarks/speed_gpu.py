"""Encryption of tensors on a GPU: the same bits as on the CPU, and how fast.

    python benchmarks/speed_gpu.py
    python benchmarks/speed_gpu.py --device cpu --rows 2000

Rows are on the device already. Prints microseconds a row, medians of several turns, and
writes speed_gpu.csv.
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

from sklearn_homeo.ciphers.tensors import TensorCipher

CHECKED_WIDTHS = (13, 300, 512, 4200)
WIDTHS = (512, 1280)


def main(argv=None):
    options = _parse(argv)
    os.makedirs(options.out, exist_ok=True)
    device = torch.device(options.device)
    for width in CHECKED_WIDTHS:
        check_bits(width, device)
    print(f"same bits as on the CPU at {', '.join(map(str, CHECKED_WIDTHS))} columns")
    rows = [measure(width, device, options) for width in options.widths]
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
    """Time both directions at a width; a row of the table."""
    cipher = TensorCipher(make_encryptor(width, 3)._cipher, device)
    X = torch.randn(options.rows, width, dtype=torch.float64, device=device)
    Z, back = torch.empty_like(X), torch.empty_like(X)
    encrypting = _seconds(lambda: cipher.encrypt(X, Z), device, options.repeats)
    decrypting = _seconds(lambda: cipher.decrypt(Z, back), device, options.repeats)
    row = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "width": width,
        "rows": options.rows,
        "encrypt_us_per_row": f"{1e6 * encrypting / options.rows:.4g}",
        "decrypt_us_per_row": f"{1e6 * decrypting / options.rows:.4g}",
    }
    print(
        "{width:>6} columns: encrypt {encrypt_us_per_row}, decrypt "
        "{decrypt_us_per_row} us a row".format(**row),
        flush=True,
    )
    return row


def _seconds(run, device, repeats):
    seconds = []
    for repeat in range(-1, repeats):  # The first warms up.
        _wait(device)
        start = time.perf_counter()
        run()
        _wait(device)
        if repeat >= 0:
            seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def _wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--device", default="cuda")
    add("--widths", type=int, nargs="+", default=WIDTHS)
    add("--rows", type=int, default=200_000)
    add("--repeats", type=int, default=7)
    add("--out", default="benchmarks/output", metavar="DIR")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
