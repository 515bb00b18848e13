"""The main job, in process, on small tables."""

import builtins
import csv
import warnings

import numpy as np
import pytest
from matplotlib.image import imread
from sklearn.base import is_classifier, is_regressor
from sklearn.datasets import load_diabetes, load_wine
from sklearn.utils import Bunch

from problems import run
from sklearn_homeo import SecretKey
from sklearn_homeo.__main__ import PASSPHRASE_VARIABLE, main
from sklearn_homeo.demo import evaluation, figures, report, tables
from sklearn_homeo.exceptions import InsecureKeyWarning

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


def seeded_key(seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureKeyWarning)
        return SecretKey.insecure_from_seed(seed)


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """The job on wine as a CSV file, with a saved key."""
    folder = tmp_path_factory.mktemp("job")
    key = SecretKey.generate()
    key.save(folder / "a.key", PASSPHRASE)
    data = write_wine(folder / "wine.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PASSPHRASE_VARIABLE, PASSPHRASE)
        argv = ["--data", data, "--target", "cultivar", "--key", folder / "a.key"]
        result = run(*argv, "--out", folder / "out")
    return Bunch(result=result, key=key, folder=folder / "out", argv=argv)


def test_job_succeeds_and_says_where_its_files_are(job):
    assert job.result.status == 0
    last = job.result.out.rstrip().splitlines()[-1]
    for name in FILES:
        assert name in last
        assert (job.folder / name).stat().st_size > 0
    assert str(job.folder) in last
    assert "100%" in job.result.err


def test_table_fits_the_terminal_and_tells_everything(job):
    lines = job.result.out.splitlines()
    for line in lines[:-1]:
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
        "R2, frame concedes",
        "re-id %, by chance",
        "attacker who knows 160 of 178 rows (90%) and attacks the other 18",
        "hybrid, mean",
        "Hybrid, membership with the key: AUC",
        "Privacy audit of HomeomorphicEncryptor",
        "T2 unordered matching",
    ):
        assert words in job.result.out


def test_csv_holds_every_figure(job):
    with (job.folder / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for cipher in ("coupling", "tanh"):
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
    assert 0.4 < found["hybrid_membership_auc"] < 0.75
    assert 0 <= found["hybrid_membership_tpr"] < 0.3
    for row in rows:
        if row["measure"] in ("accuracy", "hybrid_accuracy"):
            plain, frame, value = (
                float(row[name]) for name in ("plain", "frame", "value")
            )
            assert float(row["loss"]) == pytest.approx(plain - value)
            best = max(plain, frame)
            assert float(row["loss_vs_best"]) == pytest.approx(best - value)


def test_the_audit_is_written_with_its_controls(job):
    with (job.folder / "audit.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["tier"] for row in rows} == {"T0", "T2", "T2b", "T3", "T4", "T5"}
    assert {row["cipher"] for row in rows} >= {"audited", "identity", "noise"}
    assert {row["key"] for row in rows if row["cipher"] == "audited"} == {"0", "1"}
    assert all(0 <= float(row["rate"]) <= 1 for row in rows)


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


def test_no_key_material_is_printed_or_written(job):
    raw = job.key.to_bytes()
    secrets = (raw, raw.hex().encode(), repr(raw).encode(), PASSPHRASE.encode())
    texts = [(job.folder / name).read_bytes() for name in FILES]
    for text in [*texts, job.result.out.encode(), job.result.err.encode()]:
        assert not any(secret in text for secret in secrets)
    assert job.key.fingerprint in job.result.out


def test_the_same_key_and_state_give_the_same_figures(job, tmp_path, monkeypatch):
    monkeypatch.setenv(PASSPHRASE_VARIABLE, PASSPHRASE)
    again = run(*job.argv, "--out", tmp_path, "--quiet")
    assert again.err == ""
    for name in ("results.csv", "results.md", "audit.csv"):
        assert (tmp_path / name).read_bytes() == (job.folder / name).read_bytes()


def test_a_continuous_target_makes_a_regression_job(tmp_path):
    data = write_diabetes(tmp_path / "diabetes.csv")
    result = run(
        "--data", data, "--target", "progression", "--out", tmp_path, "--quiet",
        "--n-preserved", "2", "--depth", "2", "--cipher", "tanh",
    )  # fmt: skip
    assert result.status == 0, result.err
    assert "a continuous target" in result.out
    assert "ridge regression" in result.out
    assert "R2 on test rows" in result.out
    assert "hybrid, mean" not in result.out
    assert "coupling" not in result.out
    assert "not saved" in result.out


def test_new_key_is_saved_and_opens_with_the_passphrase(tmp_path, monkeypatch):
    monkeypatch.setenv(PASSPHRASE_VARIABLE, PASSPHRASE)
    monkeypatch.setattr("sklearn_homeo.__main__._measure", lambda *_: [])
    monkeypatch.setattr(figures, "draw_summary", lambda *_: None)
    path = tmp_path / "new.key"
    result = run("--new-key", path, "--out", tmp_path, "--quiet")
    assert result.status == 0, result.err
    assert SecretKey.load(path, PASSPHRASE).fingerprint in result.out
    again = run("--new-key", path, "--out", tmp_path, "--quiet")
    assert again.status == 2
    assert str(path) in again.err


def test_help_names_the_options(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    for option in ("--data", "--target", "--cipher", "--leak", "--key", "--new-key"):
        assert option in text


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--depth", "0"], "0 is not a whole number from 1"),
        (["--leak", "1.5"], "1.5 is not between 0 and 1"),
        (["--cipher", "rot13"], "rot13"),
        (["--n-preserved", "some"], "'some' is not a whole number"),
        (["--random-state", "-1"], "-1 is not between"),
        (["--key", "a", "--new-key", "b"], "not allowed with"),
        (["--unknown"], "--unknown"),
    ],
)
def test_wrong_options_are_one_line(argv, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(argv)
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
    missing = run("--key", tmp_path / "no.key", "--out", tmp_path)
    assert_one_line_error(missing, "no.key")


GOOD = [[i, i % 7, "ab"[i % 2]] for i in range(24)]


def changed(row, column, value):
    rows = [list(one) for one in GOOD]
    rows[row][column] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (changed(4, 1, ""), ("'width', row 5: is missing",)),
        (changed(4, 1, "  "), ("'width', row 5: is missing",)),
        (changed(6, 0, "tall"), ("'height', row 7: 'tall' is not a number",)),
        (changed(9, 1, "-inf"), ("'width', row 10: '-inf' is infinite",)),
        (changed(2, 2, ""), ("'kind', row 3: is missing",)),
        (changed(2, 2, "c"), ("class 'c' of target 'kind' has 1 row(s)",)),
        ([[*row[:2], "a"] for row in GOOD], ("has one class, a",)),
        (GOOD[:5], ("5 rows; the job needs 20",)),
    ],
)
def test_bad_tables_name_the_place(tmp_path, rows, words):
    path = write_csv(tmp_path / "bad.csv", ["height", "width", "kind"], rows)
    result = run("--data", path, "--target", "kind", "--out", tmp_path / "out")
    assert_one_line_error(result, str(path), *words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,a ,y\n1,2,3\n", "'a' 2 time(s) in the header"),
        ("a,,y\n1,2,3\n", "'' 1 time(s) in the header"),
        ("a,b,y\n1,2,3\n1,2,3,4\n", "Expected 3 fields in line 3, saw 4"),
        ("a,b,y\n1,2,3,4\n1,2,3,4\n", "Expected 3 fields in line 2, saw 4"),
        ("", "not a CSV table"),
    ],
)
def test_malformed_tables_are_not_guessed_at(tmp_path, text, words):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    result = run("--data", path, "--target", "y", "--out", tmp_path / "out")
    assert_one_line_error(result, str(path), words)


def test_a_new_passphrase_is_asked_twice(tmp_path, monkeypatch):
    monkeypatch.delenv(PASSPHRASE_VARIABLE, raising=False)
    answers = iter(["one", "another"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    path = tmp_path / "my.key"
    result = run("--new-key", path, "--out", tmp_path)
    assert_one_line_error(result, "passphrases differ")
    assert not path.exists()


def test_without_a_terminal_the_variable_is_named(tmp_path, monkeypatch):
    def no_terminal(prompt):
        raise EOFError

    monkeypatch.delenv(PASSPHRASE_VARIABLE, raising=False)
    monkeypatch.setattr("getpass.getpass", no_terminal)
    result = run("--new-key", tmp_path / "my.key", "--out", tmp_path)
    assert_one_line_error(result, PASSPHRASE_VARIABLE)


def test_unknown_target_lists_the_columns(tmp_path):
    path = write_csv(tmp_path / "good.csv", ["height", "width", "kind"], GOOD)
    result = run("--data", path, "--target", "colour", "--out", tmp_path)
    assert_one_line_error(result, "no column 'colour'", "'height', 'width', 'kind'")
    result = run("--data", path, "--out", tmp_path)
    assert_one_line_error(result, "--data needs --target", "'height', 'width', 'kind'")
    assert_one_line_error(run("--target", "kind"), "--target needs --data")


def test_unreadable_files_name_themselves(tmp_path):
    missing, empty, binary = (tmp_path / name for name in ("no.csv", "empty.csv", "b"))
    empty.write_text("")
    binary.write_bytes(bytes(range(256)))
    for path in (missing, empty, binary):
        result = run("--data", path, "--target", "kind", "--out", tmp_path)
        assert_one_line_error(result, str(path))
    alone = write_csv(tmp_path / "alone.csv", ["kind"], [["a"]] * 30)
    result = run("--data", alone, "--target", "kind", "--out", tmp_path)
    assert_one_line_error(result, "no feature column")


@pytest.mark.parametrize("name", ["pandas", "matplotlib"])
def test_missing_extras_say_what_to_install(tmp_path, monkeypatch, name):
    path = write_csv(tmp_path / "good.csv", ["height", "width", "kind"], GOOD)
    real = builtins.__import__

    def without(module, *args, **kwargs):
        if module.split(".")[0] == name:
            raise ImportError(f"No module named {name!r}")
        return real(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    result = run("--data", path, "--target", "kind", "--out", tmp_path / "out")
    assert_one_line_error(result, name, 'pip install "sklearn-homeo[demo]"')


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0, 1] * 60, "classification"),
        (["1.0", "2.0"] * 60, "classification"),
        (["yes", "no", "5"] * 40, "classification"),
        (list(range(120)), "regression"),
        (np.linspace(0, 1, 120), "regression"),
        ([0.5, 1.5] * 60, "classification"),
    ],
)
def test_target_kinds(tmp_path, values, task):
    rows = [[i, value] for i, value in enumerate(values)]
    table = tables.read_csv(write_csv(tmp_path / "t.csv", ["x", "y"], rows), "y")
    assert table.task == task
    assert table.X.shape == (len(values), 1)


def test_models_suit_the_task():
    for model in evaluation.make_models("classification").values():
        assert is_classifier(model)
    for model in evaluation.make_models("regression").values():
        assert is_regressor(model)
    with pytest.raises(ValueError, match="task='clustering'"):
        evaluation.make_models("clustering")


def test_rows_are_standardised_by_the_train_rows_alone():
    table = tables.load_bundled("wine")
    train, test = evaluation.split_table(table, random_state=1)
    rows = evaluation.split_rows(table, train, test)
    np.testing.assert_allclose(rows.X_train.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(rows.X_train.std(axis=0), 1)
    assert np.abs(rows.X_test.mean(axis=0)).max() > 1e-3
    assert not set(train) & set(test)


def test_a_baseline_that_refuses_gives_its_reason():
    table = tables.load_bundled("wine")
    baseline = evaluation.make_encryptor("tanh", table.task, key=seeded_key(0))
    baseline.set_params(tanh_scale=1e3)
    encryptor = evaluation.make_encryptor("coupling", table.task, key=seeded_key(0))
    result = evaluation.measure_table(table, encryptor, baseline)
    text = report.format_text(result)
    assert "refused" in text
    assert result.ciphers[1].reason in text


def test_a_refusal_of_the_chosen_cipher_is_an_error():
    table = tables.load_bundled("wine")
    encryptor = evaluation.make_encryptor("coupling", table.task, n_preserved=500)
    with pytest.raises(ValueError, match="wine: n_preserved=500"):
        evaluation.measure_table(table, encryptor)


def test_unknown_bundled_table():
    with pytest.raises(ValueError, match="unknown dataset 'iris'"):
        tables.load_bundled("iris")
