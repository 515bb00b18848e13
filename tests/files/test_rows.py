"""Sealed rows open beside their ciphertexts and nowhere else."""

import numpy as np
import pytest

from problems import KEY, OTHER
from sklearn_homeo.files._rows import open_rows, seal_rows

TREES = [{"row": i, "cells": {"note": "x" * i}} for i in range(30)]
Z = np.random.default_rng(0).normal(size=(30, 5))


def test_rows_come_back_and_are_equally_long():
    sealed = seal_rows(TREES, Z, KEY)
    assert open_rows(sealed, Z, KEY) == TREES
    assert open_rows(sealed[::-1], Z[::-1], KEY) == TREES[::-1]
    assert len({len(cell) for cell in sealed}) == 1
    longer = seal_rows([{"row": 0, "cells": {"note": "x" * 1000}}, *TREES[1:]], Z, KEY)
    assert {len(cell) for cell in longer} == {12 + 2048 + 16}
    assert seal_rows([], Z[:0], KEY) == []


def test_equal_rows_look_different():
    same = np.repeat(Z[:1], 30, axis=0)
    assert len(set(seal_rows([TREES[0]] * 30, same, KEY))) == 30


def test_moved_and_changed_rows_do_not_open():
    sealed = seal_rows(TREES, Z, KEY)
    swapped = [sealed[1], sealed[0], *sealed[2:]]
    assert open_rows(swapped, Z, KEY) == [None, None, *TREES[2:]]
    changed = Z.copy()
    changed[3, 2] = np.nextafter(changed[3, 2], 1)
    assert open_rows(sealed, changed, KEY)[3] is None
    assert open_rows(sealed, Z, OTHER) == [None] * 30


@pytest.mark.parametrize("edit", range(300))
def test_no_edit_of_a_sealed_row_opens(edit):
    rng = np.random.default_rng(edit)
    (sealed,) = seal_rows(TREES[5:6], Z[:1], KEY)
    changed = bytearray(sealed)
    place = int(rng.integers(len(sealed)))
    if edit % 3 == 0:
        changed[place] ^= 1 << int(rng.integers(8))
    elif edit % 3 == 1:
        del changed[place:]
    else:
        changed.insert(place, int(rng.integers(256)))
    assert open_rows([bytes(changed)], Z[:1], KEY) == [None]
