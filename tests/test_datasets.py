"""Folders of images."""

import os

import numpy as np
import pytest
from PIL import Image

from sklearn_homeo.datasets import load_image_folder

posix_only = pytest.mark.skipif(os.name != "posix", reason="files of POSIX")


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


def test_stray_files_are_passed_over_with_a_warning(make_folder):
    root = make_folder("a/1.png", "a/notes.txt", "b/1.png", "readme.txt")
    told = r"skipped: 2 in .* \(readme.txt, a/notes.txt\)"
    with pytest.warns(UserWarning, match=told) as caught:
        data = load_image_folder(root)
    assert caught[0].filename == __file__
    assert relative(data.filenames, root) == ["a/1.png", "b/1.png"]


def test_images_outside_of_the_classes_are_listed(make_folder):
    root = make_folder("a/1.png", "2.png", "3.JPG")
    with pytest.raises(ValueError, match=r"outside .*: 2 in .* \(2.png, 3.JPG\)"):
        load_image_folder(root)


def test_long_lists_of_stray_files_are_cut(make_folder):
    root = make_folder("a/1.png", *(f"a/{number}.txt" for number in range(30)))
    with pytest.warns(UserWarning, match=r"skipped: 30 in .*, \.\.\.") as caught:
        load_image_folder(root)
    assert str(caught[0].message).count(".txt") == 10


@posix_only
def test_pipes_and_devices_are_no_images(make_folder):
    root = make_folder("a/1.png")
    os.mkfifo(root / "a" / "2.png")
    (root / "a" / "3.png").symlink_to("/dev/zero")
    with pytest.warns(UserWarning, match=r"skipped: 2 in .* \(a/2.png, a/3.png\)"):
        data = load_image_folder(root)
    assert relative(data.filenames, root) == ["a/1.png"]


@posix_only
def test_folders_behind_links_are_read(make_folder, tmp_path):
    root = make_folder("pets/cat/1.png", "elsewhere/2.png", "elsewhere/deep/3.png")
    (root / "pets" / "cat" / "more").symlink_to(root / "elsewhere")
    (root / "pets" / "dog").symlink_to(root / "elsewhere")
    data = load_image_folder(root / "pets")
    assert relative(data.filenames, root / "pets") == [
        "cat/1.png",
        "cat/more/2.png",
        "cat/more/deep/3.png",
        "dog/2.png",
        "dog/deep/3.png",
    ]


@posix_only
def test_links_in_a_circle_are_an_error(make_folder):
    root = make_folder("a/1.png")
    (root / "a" / "again").symlink_to(root / "a")
    with pytest.raises(ValueError, match="again.* would count twice"):
        load_image_folder(root)


@posix_only
def test_unreadable_folders_are_an_error(make_folder, monkeypatch):
    root = make_folder("a/1.png", "a/closed/2.png")
    scandir = os.scandir

    def refuse(path):
        if os.path.basename(path) == "closed":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError, match="closed"):
        load_image_folder(root)


def test_classes_without_images_are_listed(make_folder):
    root = make_folder("a/1.png", "b/.keep", "c/.keep")
    with pytest.raises(ValueError, match="2 of 3 classes .*: b, c"):
        load_image_folder(root)
