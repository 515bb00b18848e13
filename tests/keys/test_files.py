"""Private files: nothing is overwritten, shown to others or left behind."""

import copy
import os
import signal
import stat
import subprocess
import sys
import time

import pytest

import sklearn_homeo.keys._files as key_files
from sklearn_homeo.exceptions import KeyFileError, KeyShareError
from sklearn_homeo.keys._files import read_limited, replace_private, write_private

posix_only = pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")


@pytest.fixture(params=["unnamed", "named"], autouse=True)
def way(request, monkeypatch):
    """Files without a name until they are whole, and the way of other systems."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    return request.param


def test_long_files_are_not_read_to_the_end(tmp_path):
    path = tmp_path / "long"
    with open(path, "wb") as file:
        file.truncate(2**34)
    with pytest.raises(KeyFileError, match="64 KiB"):
        read_limited(path, KeyFileError)


@posix_only
@pytest.mark.parametrize("mask", [0, 0o077, 0o777])
def test_mode_is_0600_whatever_the_mask(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_private(tmp_path / "a.key", b"content")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600
    assert (tmp_path / "a.key").read_bytes() == b"content"
    assert os.listdir(tmp_path) == ["a.key"]


@posix_only
def test_mode_is_0600_from_the_first_moment(tmp_path, monkeypatch):
    modes = []
    monkeypatch.setattr(os, "fchmod", lambda fd, _: modes.append(os.fstat(fd).st_mode))
    write_private(tmp_path / "a.key", b"content")
    assert stat.S_IMODE(modes[0]) & 0o077 == 0


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_nothing_is_overwritten(tmp_path, kind):
    path = tmp_path / "a.key"
    if kind == "file":
        path.write_bytes(b"precious")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")
    before = copy.copy(path.lstat())
    with pytest.raises(FileExistsError, match="nothing was overwritten"):
        write_private(path, b"other")
    assert path.lstat().st_ino == before.st_ino
    assert os.listdir(tmp_path) == ["a.key"]


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path, monkeypatch, links):
    path, link = tmp_path / "a.key", os.link

    def late(source, target, **options):
        path.write_bytes(b"precious")
        if not links:
            raise OSError("no hard links here")
        link(source, target, **options)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(FileExistsError, match="nothing was overwritten"):
        write_private(path, b"other")
    assert path.read_bytes() == b"precious"
    assert os.listdir(tmp_path) == ["a.key"]


def test_file_system_without_links(tmp_path, monkeypatch):
    def refuse(source, target, **options):
        raise OSError("no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    write_private(str(tmp_path / "a.key"), b"content")
    assert (tmp_path / "a.key").read_bytes() == b"content"
    assert os.listdir(tmp_path) == ["a.key"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_failure_leaves_no_file_behind(tmp_path, monkeypatch, error):
    def fail(descriptor):
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(error)):
        write_private(tmp_path / "a.key", b"content")
    assert os.listdir(tmp_path) == []


def test_missing_folder_and_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_private(tmp_path / "no" / "a.key", b"content")
    with pytest.raises(FileNotFoundError):
        read_limited(tmp_path / "a.key", KeyFileError)


def test_errors_name_the_file_that_was_asked_for(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="no folder .*make it first"):
        write_private(tmp_path / "no" / "a.key", b"content")

    def full(descriptor):
        raise OSError(28, "No space left on device", ".homeo-0123.tmp")

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "b.key").write_bytes(b"old")
    for call, name in ((write_private, "a.key"), (replace_private, "b.key")):
        with pytest.raises(OSError, match="No space left") as caught:
            call(tmp_path / name, b"content")
        assert caught.value.filename == str(tmp_path / name)
        assert ".tmp" not in str(caught.value)
    assert os.listdir(tmp_path) == ["b.key"]
    assert (tmp_path / "b.key").read_bytes() == b"old"


@posix_only
def test_the_home_folder_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_private("~/a.key", b"content")
    assert read_limited("~/a.key", KeyFileError) == b"content"
    replace_private("~/a.key", b"other")
    assert (tmp_path / "a.key").read_bytes() == b"other"
    assert os.listdir(tmp_path) == ["a.key"]


@posix_only
def test_replacing_keeps_links_and_sets_the_mode(tmp_path):
    write_private(tmp_path / "a.key", b"old")
    (tmp_path / "a.key").chmod(0o644)
    (tmp_path / "link").symlink_to("a.key")
    replace_private(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a.key").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600


@posix_only
@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_nothing_but_ordinary_files_is_read(tmp_path, kind):
    path = tmp_path / "it"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path = "/dev/zero"
    for error in (KeyFileError, KeyShareError):
        with pytest.raises(error, match="folder|not an ordinary file"):
            read_limited(path, error)


_KILLED = """
import os, signal, sys
if sys.argv[2] == "named" and hasattr(os, "O_TMPFILE"):
    del os.O_TMPFILE
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
from sklearn_homeo.keys._files import write_private
write_private(sys.argv[1], b"content")
"""


@posix_only
def test_what_a_killed_process_leaves(tmp_path, way):
    argv = [sys.executable, "-c", _KILLED, str(tmp_path / "a.key"), way]
    assert subprocess.run(argv).returncode == -signal.SIGKILL
    left = os.listdir(tmp_path)
    if way == "unnamed" and sys.platform == "linux":
        assert left == []
    else:
        assert len(left) == 1 and "a.key" not in left
        write_private(tmp_path / "b.key", b"content")
        assert left[0] in os.listdir(tmp_path)  # Another process may be writing it.
        hour_ago = time.time() - 2 * key_files._STALE_SECONDS
        os.utime(tmp_path / left[0], (hour_ago, hour_ago))
    write_private(tmp_path / "a.key", b"content")
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
