"""Version 2 of the ciphers, pinned for ever; version 1 was never released.

`data/ciphers_v2.json` holds keys, inputs and outputs. The integer outputs were
also computed by the few lines of pure Python below, in unbounded integers; real
ones are compared to 1e-12, since BLAS and libm may round differently elsewhere.
"""

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sklearn_homeo import SecretKey
from sklearn_homeo.ciphers.coupling import CouplingLock
from sklearn_homeo.ciphers.rotation import LatticeRotation, WalkRotation
from sklearn_homeo.ciphers.seal import Seal
from sklearn_homeo.ciphers.skew import SmoothLock
from sklearn_homeo.ciphers.tanh import TanhLock

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "data" / "ciphers_v2.json").read_text()
)
KEY = SecretKey.from_bytes(bytes.fromhex(GOLDEN["key"]))
GRID = 2**26


def coupling(case):
    return CouplingLock.from_key(
        KEY, case["label"], case["n"], case["n_preserved"], case["frequency"],
        case["amplitude"], case["noise"],
    )  # fmt: skip


def plain_phases(stream, drivers, n_masks, frequency):
    """Phases of one row, from the key stream, in Python integers."""
    n_drivers = len(drivers)
    for bits in range(14, -1, -1):
        w = 2**bits
        deviation = math.sqrt(w * (w + 1) / 3 * n_drivers)
        period = round(2 * math.pi * GRID * deviation / frequency)
        if math.log2(period) + bits + math.log2(n_drivers + 1) <= 53:
            break
    words = [int(word) for word in stream.words(n_drivers * n_masks)]
    weights = [word % (2 * w + 1) - w for word in words]
    offsets = [
        int((int(word) >> 11) * Fraction(1, 2**53) * period)
        for word in stream.words(n_masks)
    ]
    return period, [
        offsets[j]
        + sum(drivers[i] * weights[i * n_masks + j] for i in range(n_drivers))
        for j in range(n_masks)
    ]


def plain_wave(phase, period, amplitude):
    phase = (phase + period // 2) % period - period // 2
    return round(abs(phase) * (4.0 * amplitude * GRID / period)) - round(
        amplitude * GRID
    )


def plain_lock(case, row):
    """One coupling lock on one row, in Python integers."""
    k, q, label = case["n_preserved"], case["n"] - case["n_preserved"], case["label"]

    def wave(name, drivers, n_waves, frequency, amplitude):
        stream = KEY.stream(f"{label}/{name}")
        period, phases = plain_phases(stream, drivers, n_waves, frequency)
        return [plain_wave(phase, period, amplitude) for phase in phases]

    def masks(name, drivers, n_masks, amplitude):
        frequency = case["frequency"]
        hidden = wave(f"{name}/hidden", drivers, 64, 32 * frequency, math.sqrt(3))
        return wave(f"{name}/outer", hidden, n_masks, frequency, amplitude)

    s, c = row[:k], row[k:]
    words = [int(word) for word in KEY.stream(f"{label}/permutation").words(q)]
    c = [c[i] for i in sorted(range(q), key=words.__getitem__)]
    u, v = c[: q // 2], c[q // 2 :]
    v = np.add(v, masks("v", u + s, len(v), case["amplitude"])).tolist()
    u = np.add(u, masks("u", v + s, len(u), case["amplitude"])).tolist()
    s = np.add(s, masks("s", u + v, len(s), case["noise"])).tolist()
    return s + u + v


@pytest.mark.parametrize("case", GOLDEN["coupling"], ids=lambda case: case["label"])
def test_coupling(case):
    rows = np.array(case["rows"], dtype=np.float64)
    locked = coupling(case).forward(rows)
    np.testing.assert_array_equal(locked, np.array(case["locked"], dtype=float))
    np.testing.assert_array_equal(coupling(case).inverse(locked), rows)


@pytest.mark.parametrize("case", GOLDEN["coupling"], ids=lambda case: case["label"])
def test_coupling_in_python_integers(case):
    assert [plain_lock(case, row) for row in case["rows"]] == case["locked"]


@pytest.mark.parametrize("kind", ["rotation", "lattice_rotation"])
def test_rotations(kind):
    case = GOLDEN[kind]
    build = {"rotation": WalkRotation, "lattice_rotation": LatticeRotation}[kind]
    turned = build.from_stream(KEY.stream(case["label"]), case["n"])
    rows = np.array(case["rows"], dtype=np.float64)
    expected = [[float.fromhex(value) for value in row] for row in case["turned"]]
    np.testing.assert_array_equal(turned.forward(rows), expected)


@pytest.mark.parametrize("kind", ["smooth", "seal", "tanh"])
def test_real_maps(kind):
    case = GOLDEN[kind]
    build = {
        "smooth": lambda: SmoothLock.from_stream(KEY.stream(case["label"]), 5, 0.5),
        "seal": lambda: Seal.from_key(KEY, case["label"], 6, 2, 3.0, 10.0, 1.0),
        "tanh": lambda: TanhLock.from_stream(KEY.stream(case["label"]), 4, 0.01),
    }[kind]()
    rows = np.array(case["rows"], dtype=np.float64)
    np.testing.assert_allclose(build.forward(rows), case["locked"], rtol=1e-12)
    np.testing.assert_allclose(build.inverse(build.forward(rows)), rows, rtol=1e-7)
