"""Folders of images."""

import numpy as np
import pytest
from PIL import Image

from sklearn_homeo.datasets import load_image_folder


@pytest.fixture
def make_folder(tmp_path):
    def make_folder(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/.keep"):
                continue
            path.write_bytes(b"")
        return tmp_path

    return make_folder


def relative(filenames, root):
    return [name.removeprefix(f"{root}/") for name in filenames]


def test_files_are_sorted_and_labelled(make_folder):
    root = make_folder("dog/b.jpg", "cat/z.png", "dog/a.JPEG", "cat/deep/er/a.tif")
    data = load_image_folder(root)
    assert relative(data.filenames, root) == [
        "cat/deep/er/a.tif",
        "cat/z.png",
        "dog/a.JPEG",
        "dog/b.jpg",
    ]
    assert data.target_names == ["cat", "dog"]
    assert data.target.dtype == np.int64
    np.testing.assert_array_equal(data.target, [0, 0, 1, 1])


def test_filenames_can_be_indexed_and_opened(tmp_path):
    for name in ("a/1.png", "b/1.png"):
        (tmp_path / name).parent.mkdir()
        Image.new("L", (3, 2)).save(tmp_path / name)
    data = load_image_folder(str(tmp_path))
    assert isinstance(data.filenames, np.ndarray)
    with Image.open(data.filenames[data.target == 1][0]) as picture:
        assert picture.size == (3, 2)


def test_droppings_of_the_system_are_passed_over(make_folder):
    root = make_folder(
        "a/1.png", "a/Thumbs.db", "a/.hidden/x.txt", ".DS_Store", ".git/config"
    )
    data = load_image_folder(root)
    assert relative(data.filenames, root) == ["a/1.png"]
    assert data.target_names == ["a"]


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere"):
        load_image_folder(tmp_path / "nowhere")


def test_file_instead_of_folder(make_folder):
    with pytest.raises(NotADirectoryError, match="x.png' is a file"):
        load_image_folder(make_folder("x.png") / "x.png")


def test_images_without_classes(make_folder):
    with pytest.raises(ValueError, match="no sub-folders"):
        load_image_folder(make_folder("1.png", "2.png"))


def test_stray_files_are_listed(make_folder):
    root = make_folder("a/1.png", "a/notes.txt", "b/1.png", "labels.csv", "2.png")
    with pytest.raises(ValueError, match=r"3 files .*: 2.png, labels.csv, a/notes.txt"):
        load_image_folder(root)


def test_long_lists_of_stray_files_are_cut(make_folder):
    root = make_folder("a/1.png", *(f"a/{number}.txt" for number in range(30)))
    with pytest.raises(ValueError, match=r"30 files .*, \.\.\.\. Move") as caught:
        load_image_folder(root)
    assert str(caught.value).count(".txt") == 10


def test_classes_without_images_are_listed(make_folder):
    root = make_folder("a/1.png", "b/.keep", "c/.keep")
    with pytest.raises(ValueError, match="2 of 3 classes .*: b, c"):
        load_image_folder(root)
