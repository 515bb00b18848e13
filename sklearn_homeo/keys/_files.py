"""Private files: written completely or not at all, and never read at length."""

import contextlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from typing import BinaryIO

from sklearn_homeo._utils.hidden import Hidden

__all__ = ["new_file", "read_limited", "replace_private", "write_private"]

_MAX_FILE_BYTES = 64 * 1024
_PREFIX, _SUFFIX = ".homeo-", ".tmp"
# Of a temporary file that nobody writes any more.
_STALE_SECONDS = 3600


def write_private(path: str | os.PathLike, data: bytes) -> None:
    """Write a new file that only its owner can read, completely or not at all.

    On Linux the file has no name before it is whole, so that a process that is killed
    leaves nothing behind. Elsewhere a temporary file of mode 0600 in the same folder
    is written, synced and put in place; what a killed process left is removed by the
    next one, an hour later. Where the system knows no such modes (Windows), the file
    has the permissions of its folder.

    Parameters
    ----------
    path : str or path-like
        Where to write; nothing may be there. ``~`` is the home folder.
    data : bytes
        The content.

    Raises
    ------
    FileExistsError
        If anything is at `path`: overwriting a key loses its data for ever.
    OSError
        If the file cannot be written; no temporary file is left behind.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn_homeo.keys._files import write_private
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_private(os.path.join(folder, "a.key"), b"content")
    ...     os.listdir(folder)
    ['a.key']
    """
    content = Hidden(data)
    del data
    with new_file(path, private=True) as file:
        file.write(content.value)


@contextlib.contextmanager
def new_file(path: str | os.PathLike, private: bool = False) -> Iterator[BinaryIO]:
    """Context of a new file, which is there when all is written, or not at all.

    Parameters
    ----------
    path : str or path-like
        Where to write; nothing may be there. ``~`` is the home folder.
    private : bool, default=False
        Whether only its owner can read it, whatever the process's mask says.

    Yields
    ------
    file : binary file

    Raises
    ------
    FileExistsError
        If anything is at `path`.
    OSError
        If the file cannot be written; nothing is left behind.
    """
    target = _absolute(path)
    if os.path.lexists(target):
        raise _exists(target)
    with _naming(target):
        descriptor = _open_unnamed(os.path.dirname(target))
        if descriptor is None:
            with _temporary(target) as (temporary, file):
                yield file
                _finish(file, private)
                _publish(temporary, target)
        else:
            with os.fdopen(descriptor, "w+b") as file:
                yield file
                _finish(file, private)
                _name(file, target, private)
    _sync_folder(os.path.dirname(target))


def replace_private(path: str | os.PathLike, data: bytes) -> None:
    """Replace a file by another that only its owner can read, at one instant.

    Parameters
    ----------
    path : str or path-like
        Path of a file; if it is a symbolic link, its target is replaced.
    data : bytes
        The new content.

    Raises
    ------
    OSError
        If the new file cannot be written; the old one is then as it was.
    """
    target, content = os.path.realpath(_absolute(path)), Hidden(data)
    del data
    with _naming(target), _temporary(target) as (temporary, file):
        file.write(content.value)
        _finish(file, private=True)
        os.replace(temporary, target)
    _sync_folder(os.path.dirname(target))


def read_limited(
    path: str | os.PathLike, error: type[Exception], most: int = _MAX_FILE_BYTES
) -> bytes:
    """Read a file, but not at any length, and nothing that may hang.

    Parameters
    ----------
    path : str or path-like
        Where the file is. ``~`` is the home folder.
    error : exception class
        To raise if the file is longer, or is a pipe, a device or a folder.
    most : int, default=65536
        Bytes that it may have.

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        If it is missing or unreadable.
    """
    path = _absolute(path)
    if os.path.isdir(path):
        raise error(f"{path} is a folder; give the path of the file")
    # A pipe without a writer would be waited for.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise error(f"{path} is not an ordinary file; copy its content into one")
        content = Hidden(file.read(min(most, status.st_size) + 1))
    if len(content.value) > most:
        raise error(f"{path} is longer than {most >> 10} KiB, so it is another file")
    return content.value


def _absolute(path):
    return os.path.abspath(os.path.expanduser(os.fsdecode(path)))


def _exists(path):
    return FileExistsError(
        f"{path} exists; nothing was overwritten, since that may lose data for ever: "
        "choose another path, or move the old file away"
    )


@contextlib.contextmanager
def _naming(path):
    """Errors name the file that was asked for, not a temporary one."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"there is no folder {folder}; make it first")
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, path) from None


def _open_unnamed(folder):
    """Open a file that gets its name at the end; None where that is impossible."""
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600)
    except (AttributeError, OSError):
        return None


def _name(file, path, private):
    """Give a file that was opened without a name its name."""
    descriptor = file.fileno()
    try:
        # Given a folder's descriptor, Python calls linkat, which follows links.
        os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor)
    except FileExistsError:
        raise _exists(path) from None
    except OSError:
        file.seek(0)
        with _temporary(path) as (temporary, copy):
            shutil.copyfileobj(file, copy)
            _finish(copy, private)
            _publish(temporary, path)


@contextlib.contextmanager
def _temporary(path):
    """Path of a temporary file in the folder of `path`, and the file."""
    folder = os.path.dirname(path)
    _sweep(folder)
    name = f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
    temporary = os.path.join(folder, name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            yield temporary, file
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)


def _sweep(folder):
    """Remove what processes that were killed left in a folder."""
    for entry in os.scandir(folder):
        if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX):
            with contextlib.suppress(OSError):
                changed = entry.stat(follow_symlinks=False).st_mtime
                if changed < time.time() - _STALE_SECONDS:
                    os.unlink(entry.path)


def _finish(file, private):
    """Set a file's mode, and wait until it is on the disk."""
    # The process mask may have removed permissions of the owner.
    if hasattr(os, "fchmod"):
        os.fchmod(file.fileno(), 0o600 if private else 0o666 & ~_mask())
    file.flush()
    os.fsync(file.fileno())


def _mask():
    """The process's mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _publish(temporary, path):
    try:
        # Unlike os.replace, a link fails if another process was first.
        os.link(temporary, path)
    except FileExistsError:
        raise _exists(path) from None
    except OSError:
        # No hard links on this file system.
        if os.path.lexists(path):
            raise _exists(path) from None
        os.replace(temporary, path)


def _sync_folder(folder):
    """Make the new name survive a power cut, where directories can be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
