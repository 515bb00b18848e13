"""The verb evaluate, in process, on small tables."""

import builtins
import csv

import numpy as np
import pytest
from matplotlib.image import imread
from sklearn.datasets import load_diabetes, load_wine
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import Bunch

from problems import KEY, run
from sklearn_homeo.__main__ import main
from sklearn_homeo._utils.plotting import make_figure
from sklearn_homeo.audit._report import MIN_TARGETS
from sklearn_homeo.cli.parsing import PASSPHRASE_VARIABLE
from sklearn_homeo.demo import figures
from sklearn_homeo.demo.report import LEGEND, linking_verdict

FILES = ("results.csv", "results.md", "figure2.png", "summary.png", "audit.csv")
FIGURES = FILES[2:4]
PASSPHRASE = "correct horse battery staple"


def write_csv(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_wine(path):
    X, y = load_wine(return_X_y=True)
    header = [*(f"feature {i}" for i in range(X.shape[1])), "cultivar"]
    rows = [[*row, f"cultivar {label}"] for row, label in zip(X, y, strict=True)]
    return write_csv(path, header, rows)


def write_diabetes(path):
    X, y = load_diabetes(return_X_y=True)
    header = [*(f"x{i}" for i in range(X.shape[1])), "progression"]
    return write_csv(path, header, np.column_stack([X, y])[:150])


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """The job on wine as a CSV file, with a saved key."""
    folder = tmp_path_factory.mktemp("job")
    KEY.save(folder / "a.key", PASSPHRASE)
    data = write_wine(folder / "wine.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PASSPHRASE_VARIABLE, PASSPHRASE)
        argv = [
            "evaluate",
            "--leak",
            "0.8",
            "--data",
            data,
            "--target",
            "cultivar",
            "--key",
            folder / "a.key",
        ]
        result = run(*argv, "--out", folder / "out")
    return Bunch(result=result, key=KEY, folder=folder / "out", argv=argv)


def test_job_succeeds_and_says_where_its_files_are(job):
    assert job.result.status == 0
    last = job.result.out.rstrip().splitlines()[-1]
    for name in FILES:
        assert name in last
        assert (job.folder / name).stat().st_size > 0
    assert str(job.folder) in last
    # Progress is for terminals.
    assert job.result.err == ""


def test_table_fits_the_terminal_and_tells_everything(job):
    # The audit's own table is wider.
    for line in job.result.out.split("Privacy audit")[0].splitlines():
        assert len(line) <= 100 or line.startswith("Key ")
    for words in (
        "wine: 178 rows, 13 features, 3 classes; models train on 133",
        "logistic regression",
        "k-NN",
        "RBF SVM",
        "random forest",
        "MLP",
        "mean of the five",
        "round trip, sd",
        "R2, the view leaks",
        "re-id %, by chance",
        "attacker who knows 142 of 178 rows (80%) and attacks the other 36",
        "hybrid, mean",
        "Hybrid, membership with the key: AUC",
        "Privacy audit of HomeomorphicEncryptor",
        "T2 unordered matching",
    ):
        assert words in job.result.out


def test_csv_holds_every_figure(job):
    with (job.folder / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for cipher in ("cells", "tanh"):
        mine = [row for row in rows if row["cipher"] == cipher]
        measures = [row["measure"] for row in mine]
        assert measures.count("accuracy") == 5
        assert measures.count("attack_r2") == 4
        assert measures.count("attack_reidentification") == 6
        errors = [row for row in mine if row["measure"] == "round_trip_error"]
        assert 0 <= float(errors[0]["value"]) < 1e-6
    hybrid = [row for row in rows if row["measure"] == "hybrid_accuracy"]
    assert len(hybrid) == 5
    assert np.mean([float(row["value"]) for row in hybrid]) > 0.85
    found = {row["measure"]: float(row["value"]) for row in rows if row["value"]}
    # Of 31 members and 31 others, chance alone gives 0.5 +- 0.074.
    assert 0.25 < found["hybrid_membership_auc"] < 0.75
    assert 0 <= found["hybrid_membership_tpr"] < 0.3
    for row in rows:
        if row["measure"] in ("accuracy", "hybrid_accuracy"):
            plain, view, value = (
                float(row[name]) for name in ("plain", "view", "value")
            )
            assert float(row["loss"]) == pytest.approx(plain - value)
            best = max(plain, view)
            assert float(row["loss_vs_best"]) == pytest.approx(best - value)


def test_the_audit_is_written_with_its_controls(job):
    with (job.folder / "audit.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["tier"] for row in rows} == {"T0", "T2", "T2b", "T3", "T4", "T5"}
    assert {row["cipher"] for row in rows} >= {"audited", "identity", "noise"}
    assert {row["key"] for row in rows if row["cipher"] == "audited"} == {"0", "1"}
    # Linkability of pairs is unbiased, and so below 0 at times.
    shares = [float(row["rate"]) for row in rows if row["measure"] != "D_sys"]
    assert all(0 <= rate <= 1 for rate in shares)


def test_the_published_cipher_is_found_broken(job):
    with (job.folder / "results.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["cipher"] == "tanh"]
    matched = [row for row in rows if row["measure"] == "attack_reidentification"]
    assert max(float(row["value"]) for row in matched) > 0.9
    assert "BROKEN" in {row["verdict"] for row in matched}
    assert max(float(r["value"]) for r in rows if r["measure"] == "attack_r2") > 0.95


def test_figures_are_not_blank(job):
    for name in FIGURES:
        image = imread(job.folder / name)
        assert min(image.shape[:2]) > 300
        assert len(np.unique(image[..., :3].reshape(-1, 3), axis=0)) > 50


def test_markdown_breaks_no_sentence(job):
    text = (job.folder / "results.md").read_text()
    for entry in LEGEND:
        assert f"\n* {entry}\n" in text
    for line in filter(None, text.splitlines()):
        assert line.startswith(("#", "|", "* ")) or line.endswith((".", ")")), line


def test_few_rows_are_not_graded():
    assert linking_verdict(4 / 6, 6) == "too few rows"
    assert linking_verdict(1.0, MIN_TARGETS - 1) == "too few rows"
    assert linking_verdict(1.0, MIN_TARGETS) == "BROKEN"
    assert any(f"fewer than {MIN_TARGETS} rows" in entry for entry in LEGEND)


def test_planes_are_of_the_table_and_the_cipher_that_were_given(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), np.arange(40) % 2
    X[:, 0] += 9 * y
    rows = Bunch(X_train=X[:30], y_train=y[:30], X_test=X[30:], y_test=y[30:])
    rotation = FunctionTransformer(lambda X: X @ np.roll(np.eye(3), 1, axis=0))
    results = [
        Bunch(
            table=Bunch(name=name, task="classification"),
            rows=rows,
            ciphers=[Bunch(cipher="scores", encryptor=rotation.fit(X))],
        )
        for name in ("apples", "pears")
    ]
    drawn = []

    def make(*size):
        drawn.append(make_figure(*size))
        return drawn[-1]

    monkeypatch.setattr(figures, "make_figure", make)
    figures.draw_planes(results, tmp_path / "figure2.png")
    titles = [ax.get_title() for ax in drawn[0].axes]
    assert [title.splitlines()[0] for title in titles] == [
        *("apples: plain", "encrypted: scores"),
        *("pears: plain", "encrypted: scores"),
    ]
    for ax in drawn[0].axes:
        points = np.vstack([dots.get_offsets() for dots in ax.collections[-2:]])
        assert len(points) == 40


def test_no_key_material_is_printed_or_written(job):
    raw = job.key.to_bytes()
    secrets = (raw, raw.hex().encode(), repr(raw).encode(), PASSPHRASE.encode())
    texts = [(job.folder / name).read_bytes() for name in FILES]
    for text in [*texts, job.result.out.encode(), job.result.err.encode()]:
        assert not any(secret in text for secret in secrets)
    assert job.key.fingerprint in job.result.out


def test_the_same_key_and_state_give_the_same_figures(job, tmp_path, monkeypatch):
    monkeypatch.setenv(PASSPHRASE_VARIABLE, PASSPHRASE)
    run(*job.argv, "--out", tmp_path)
    for name in ("results.csv", "results.md", "audit.csv"):
        assert (tmp_path / name).read_bytes() == (job.folder / name).read_bytes()


def test_a_continuous_target_makes_a_regression_job(tmp_path):
    data = write_diabetes(tmp_path / "diabetes.csv")
    result = run(
        "evaluate", "--data", data, "--target", "progression", "--out", tmp_path,
        "--leakage", "cells", "--n-cells", "8", "--depth", "2",
    )  # fmt: skip
    assert result.status == 0, result.err
    assert "a continuous target" in result.out
    assert "ridge regression" in result.out
    assert "R2 on test rows" in result.out
    assert "hybrid, mean" not in result.out
    assert "not saved" in result.out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--depth", "0"], "0 is not a whole number from 1"),
        (["--depth", "1001"], "1001 is more than 1000"),
        (["--leak", "1.5"], "1.5 is not between 0 and 1"),
        (["--leakage", "rot13"], "rot13"),
        (["--n-preserved", "some"], "'some' is not a whole number"),
        (["--random-state", "-1"], "-1 is not between"),
        (["--unknown"], "--unknown"),
    ],
)
def test_wrong_options_are_one_line(argv, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", "--data", "x", *argv])
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert words in error
    assert error.count("\n") == 1


def assert_one_line_error(result, *words):
    assert result.status == 2
    assert result.err.count("\n") == 1
    assert "Traceback" not in result.err
    for word in words:
        assert word in result.err


def test_key_errors_are_one_line(tmp_path, monkeypatch, job):
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "wrong")
    assert_one_line_error(run(*job.argv, "--out", tmp_path), "wrong passphrase")
    missing = run(*job.argv[:-1], tmp_path / "no.key", "--out", tmp_path)
    assert_one_line_error(missing, "no.key")


GOOD = [[i, i % 7, "ab"[i % 2]] for i in range(24)]


def changed(row, column, value):
    rows = [list(one) for one in GOOD]
    rows[row][column] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (changed(2, 2, ""), ("'kind' is missing in 1 row(s): 3",)),
        (changed(2, 2, "  "), ("'kind' is missing in 1 row(s): 3",)),
        (changed(2, 2, "c"), ("1 class(es) of fewer than 4 rows: in row(s) 3",)),
        ([[*row[:2], "a"] for row in GOOD], ("has one class only",)),
        (GOOD[:5], ("5 rows; at least 20 are needed",)),
    ],
)
def test_bad_tables_name_the_place(tmp_path, rows, words):
    path = write_csv(tmp_path / "bad.csv", ["height", "width", "kind"], rows)
    result = run(
        "evaluate", "--data", path, "--target", "kind", "--out", tmp_path / "out"
    )
    assert_one_line_error(result, str(path), *words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,a ,y\n1,2,3\n", "'a' 2 time(s) in the header"),
        ("a,,y\n1,2,3\n", "'' 1 time(s) in the header"),
        ("a,b,y\n1,2,3\n1,2,3,4\n", "Expected 3 fields in line 3, saw 4"),
        ("a,b,y\n1,2,3,4\n1,2,3,4\n", "Expected 3 fields in line 2, saw 4"),
        ("", "not a table"),
    ],
)
def test_malformed_tables_are_not_guessed_at(tmp_path, text, words):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    result = run("evaluate", "--data", path, "--target", "y", "--out", tmp_path / "out")
    assert_one_line_error(result, str(path), words)


def test_unknown_target_lists_the_columns(tmp_path):
    path = write_csv(tmp_path / "good.csv", ["height", "width", "kind"], GOOD)
    result = run("evaluate", "--data", path, "--target", "colour", "--out", tmp_path)
    assert_one_line_error(result, "no column 'colour'", "'height', 'width', 'kind'")
    result = run("evaluate", "--data", path, "--out", tmp_path)
    assert_one_line_error(result, "needs --target", "'height', 'width', 'kind'")


def test_unreadable_files_name_themselves(tmp_path):
    missing, empty, binary = (tmp_path / name for name in ("no.csv", "empty.csv", "b"))
    empty.write_text("")
    binary.write_bytes(bytes(range(256)))
    for path in (missing, empty, binary):
        result = run("evaluate", "--data", path, "--target", "kind", "--out", tmp_path)
        assert_one_line_error(result, str(path))
    alone = write_csv(tmp_path / "alone.csv", ["kind"], [["a"], ["b"]] * 15)
    result = run("evaluate", "--data", alone, "--target", "kind", "--out", tmp_path)
    assert_one_line_error(result, "no column but the target")


@pytest.mark.parametrize("name", ["pandas", "matplotlib"])
def test_missing_extras_say_what_to_install(tmp_path, monkeypatch, name):
    path = write_csv(tmp_path / "good.csv", ["height", "width", "kind"], GOOD)
    real = builtins.__import__

    def without(module, *args, **kwargs):
        if module.split(".")[0] == name:
            raise ImportError(f"No module named {name!r}")
        return real(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    result = run(
        "evaluate", "--data", path, "--target", "kind", "--out", tmp_path / "out"
    )
    assert_one_line_error(result, name, 'pip install "sklearn-homeo[demo]"')
