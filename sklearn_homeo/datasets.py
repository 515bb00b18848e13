"""Images from folders."""

import os
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from sklearn_homeo._utils.messages import listed
from sklearn_homeo._utils.warning import warn

__all__ = ["load_image_folder"]

_SUFFIXES = frozenset(
    ".avif .bmp .gif .jfif .jp2 .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tif .tiff "
    ".webp".split()
)
# What systems and tools drop into folders.
_IGNORED = {"Thumbs.db", "desktop.ini", "__MACOSX"}


def load_image_folder(path: str | os.PathLike) -> Bunch:
    """List the images of a folder that has one sub-folder a class.

    Images are found at any depth below a class's folder, also behind symbolic links;
    none is opened. Hidden files and folders, `Thumbs.db` and the like are passed
    over.

    Parameters
    ----------
    path : str or path-like
        The folder. Its sub-folders' names are the classes.

    Returns
    -------
    data : Bunch
        With the attributes

        filenames : ndarray of shape (n_samples,), dtype str
            Paths of the images, sorted by class and path.
        target : ndarray of shape (n_samples,), dtype int64
            Classes, as indices of `target_names`.
        target_names : list of str
            Names of the classes, sorted.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    NotADirectoryError
        If the path is that of a file.
    PermissionError
        If a folder cannot be read.
    ValueError
        If there are no classes, if a class has no images, if images lie outside the
        classes' folders, or if links lead in a circle; the message lists them.

    Warns
    -----
    UserWarning
        If there are files that are not images; the message lists them.

    See Also
    --------
    sklearn_homeo.ImageFeatureExtractor : Turns the images into feature vectors.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from sklearn_homeo.datasets import load_image_folder
    >>> with TemporaryDirectory() as folder:
    ...     for name in ["cat/1.png", "cat/2.png", "dog/1.png"]:
    ...         file = Path(folder) / name
    ...         file.parent.mkdir(exist_ok=True)
    ...         Image.new("RGB", (8, 8)).save(file)
    ...     data = load_image_folder(folder)
    >>> data.target_names, data.target
    (['cat', 'dog'], array([0, 0, 1]))
    >>> [Path(name).name for name in data.filenames]
    ['1.png', '2.png', '1.png']
    """
    root = Path(path)
    if not root.exists():
        raise FileNotFoundError(f"There is no folder {str(root)!r}.")
    if not root.is_dir():
        raise NotADirectoryError(f"{str(root)!r} is a file, not a folder of images.")
    entries = sorted(entry for entry in root.iterdir() if _is_wanted(entry.name))
    folders = [entry for entry in entries if entry.is_dir()]
    if not folders:
        raise ValueError(
            f"{str(root)!r} has no sub-folders: put the images of each class into a "
            "folder of its own, named after the class."
        )
    outside = [entry for entry in entries if not entry.is_dir()]
    found = [_files_below(folder) for folder in folders]
    files = [list(filter(_is_image, group)) for group in found]
    _check_outside(root, list(filter(_is_image, outside)))
    _warn_of_strays(
        root,
        [file for group in [outside, *found] for file in group if not _is_image(file)],
    )
    _check_counts(root, folders, files)
    return Bunch(
        filenames=np.array([str(file) for group in files for file in group]),
        target=np.repeat(np.arange(len(files)), [len(group) for group in files]).astype(
            np.int64
        ),
        target_names=[folder.name for folder in folders],
    )


def image_files(path: str | os.PathLike) -> np.ndarray:
    """List the images of a folder at any depth, without classes.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    filenames : ndarray of shape (n_samples,), dtype str
        Sorted paths.

    Raises
    ------
    ValueError
        If there are none, or if links lead in a circle.
    """
    files = list(filter(_is_image, _files_below(Path(path))))
    if not files:
        raise ValueError(f"{str(path)!r} has no images.")
    return np.array([str(file) for file in files])


def _files_below(folder):
    found, seen = [], set()

    def fail(error):
        raise error

    for parent, folders, names in os.walk(folder, onerror=fail, followlinks=True):
        place = os.path.realpath(parent)
        if place in seen:
            raise ValueError(
                f"{parent!r} is the same folder as another one below {str(folder)!r}, "
                "by a symbolic link: its images would count twice. Remove the link."
            )
        seen.add(place)
        # In place, so that os.walk does not descend into them.
        folders[:] = filter(_is_wanted, folders)
        found += [Path(parent, name) for name in names if _is_wanted(name)]
    return sorted(found)


def _is_image(file):
    # A link that leads nowhere is reported as a missing file when it is to be read.
    return file.suffix.lower() in _SUFFIXES and (file.is_file() or not file.exists())


def _check_outside(root, images):
    if images:
        raise ValueError(
            f"Images outside the classes' folders: {len(images)} in {str(root)!r} "
            f"({_listed(images, root)}). Move them into a folder or away."
        )


def _warn_of_strays(root, strays):
    if strays:
        warn(
            f"Not images, and skipped: {len(strays)} in {str(root)!r} "
            f"({_listed(strays, root)}).",
        )


def _check_counts(root, folders, files):
    empty = [folder for folder, group in zip(folders, files, strict=True) if not group]
    if empty:
        raise ValueError(
            f"{len(empty)} of {len(folders)} classes in {str(root)!r} have no images: "
            f"{_listed(empty, root)}."
        )


def _is_wanted(name):
    return not name.startswith(".") and name not in _IGNORED


def _listed(paths, root):
    return listed([path.relative_to(root) for path in paths])
