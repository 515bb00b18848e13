"""The command line: verbs, answers before anything slow, errors in one line."""

import argparse
import subprocess
import sys
import warnings
from importlib import import_module
from time import perf_counter

import pytest

from problems import run
from sklearn_homeo.__main__ import VERBS, main
from sklearn_homeo.cli.parsing import showing


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([verb, "--help"])
    assert stopped.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    words = import_module(f"sklearn_homeo.cli.{verb}").__doc__.split()
    assert " ".join(words[:6]) in text


def test_help_lists_the_verbs(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(f"    {verb} " in text for verb in VERBS)
    assert "SKLEARN_HOMEO_PASSPHRASE" in text


def test_without_a_verb_or_with_a_wrong_one_it_is_one_line(capsys):
    for argv in ([], ["encode"]):
        with pytest.raises(SystemExit) as stopped:
            main(argv)
        assert stopped.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["--version"],
        ["evaluate", "--data", "no.csv", "--target", "y"],
        ["evaluate", "--data", "t.csv", "--target", "z"],
        ["evaluate", "--data", "t.csv", "--target", "y", "--out", "t.csv"],
        ["evaluate", "--data", "t.csv", "--target", "y", "--key", "no.key"],
        ["audit", "--data", "t.csv"],
        ["demo", "--key", "no.key"],
        ["split", "no.key", "--shares", "3", "--threshold", "2"],
    ],
)
def test_answers_come_before_slow_imports(argv, tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,2\n")
    code = (
        "import sys; from sklearn_homeo.__main__ import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "slow = {'sklearn', 'torch', 'pandas', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'imported: {slow}' if slow else 0)"
    )
    started = perf_counter()
    command = [sys.executable, "-c", code, *argv]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # Far above what it takes (0.1 s), as the machine may be busy.
    assert perf_counter() - started < 10


def test_warnings_are_one_line_and_interrupts_quiet(monkeypatch, tmp_path):
    def warn(options):
        warnings.warn("be\ncareful", UserWarning, stacklevel=1)

    def interrupt(options):
        raise KeyboardInterrupt

    monkeypatch.setattr("sklearn_homeo.cli.keygen.run", warn)
    result = run("keygen", tmp_path / "a.key")
    assert result.status == 0
    assert result.err == "sklearn-homeo keygen: warning: be careful\n"
    monkeypatch.setattr("sklearn_homeo.cli.keygen.run", interrupt)
    result = run("keygen", tmp_path / "a.key")
    assert result.status == 130
    assert result.err == ""


def test_an_output_folder_is_checked_first(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,2\n")
    result = run(
        "evaluate", "--data", tmp_path / "t.csv", "--target", "y", "--out",
        tmp_path / "t.csv" / "out",
    )  # fmt: skip
    assert result.status == 2
    assert "t.csv is not a folder" in result.err


@pytest.mark.parametrize("quiet", [False, True])
def test_steps_are_shown_on_a_terminal_only(monkeypatch, capsys, quiet):
    options = argparse.Namespace(quiet=quiet)
    for is_terminal in (True, False):
        monkeypatch.setattr("sys.stderr.isatty", lambda shown=is_terminal: shown)
        with showing(("reading", "writing"), options) as on_step:
            on_step("reading")
            on_step("writing")
        printed = capsys.readouterr().err
        assert ("writing" in printed) == (is_terminal and not quiet)
