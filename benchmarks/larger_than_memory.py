"""Encrypting a file of rows that is larger than the memory that may be used.

Rows are written to a .npy file, encrypted from that memory map to another one, and
decrypted to a third, while the process may not have more private memory than the limit.
What came back is compared with what was written.

    python benchmarks/larger_than_memory.py
    python benchmarks/larger_than_memory.py --rows 250000 --width 512 --limit 1.0

Prints the times, the private memory of the process at the end, and the largest
difference. Files take three times the space of the rows.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from fitted_encryptor import make_encryptor

GIB = 2**30
TOLERANCE = 1e-8
CHUNK_ROWS = 10_000


def main(argv=None):
    options = _parse(argv)
    limit = int(options.limit * GIB)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    shape = options.rows, options.width
    encryptor = make_encryptor(options.width)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        plain, cipher, back = (
            np.lib.format.open_memmap(Path(folder, name), "w+", np.float64, shape)
            for name in ("plain.npy", "cipher.npy", "back.npy")
        )
        write_rows(plain)
        seconds = _timed(encryptor.encrypt_into, plain, cipher)
        print(f"encrypted {shape[0]} rows of {shape[1]} columns in {seconds:.1f} s")
        seconds = _timed(encryptor.decrypt_into, cipher, back)
        print(f"decrypted them in {seconds:.1f} s")
        difference = largest_difference(plain, back)
    size = plain.nbytes / GIB
    print(f"a file of {size:.2f} GiB under a limit of {options.limit:g} GiB")
    print(f"private memory at the end {_private_memory():.2f} GiB")
    print(f"largest difference {difference:.1e}")
    return 0 if difference <= TOLERANCE else 1


def write_rows(rows):
    """Fill a memory map with normal numbers, some rows at a time."""
    rng = np.random.default_rng(1)
    for start in range(0, len(rows), CHUNK_ROWS):
        part = rows[start : start + CHUNK_ROWS]
        part[:] = rng.normal(size=part.shape)


def largest_difference(rows, others):
    """Return the largest difference of two memory maps, some rows at a time."""
    starts = range(0, len(rows), CHUNK_ROWS)
    return max(
        float(np.abs(rows[s : s + CHUNK_ROWS] - others[s : s + CHUNK_ROWS]).max())
        for s in starts
    )


def _timed(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def _private_memory():
    """What the limit counts: private, writable memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) / 2**20
    return float("nan")


def _parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--rows", type=int, default=1_000_000)
    add("--width", type=int, default=512)
    add("--limit", type=float, default=1.0, help="GiB of private memory")
    add("--folder", help="where the files go for a while")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
