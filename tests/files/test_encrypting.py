"""Tables' files through encryption, in other processes, to the byte."""

import stat

import numpy as np
import pandas as pd
import polars as pl
import pytest
from frames import N_ROWS, pandas_columns, polars_columns
from pandas.testing import assert_frame_equal
from polars.testing import assert_frame_equal as assert_polars_equal
from pyarrow import parquet

from problems import KEY, OTHER
from sklearn_homeo import (
    HomeomorphicEncryptor,
    InvalidCiphertextError,
    SealedFileError,
    load_pipeline,
)
from sklearn_homeo.files._decrypting import decrypt_table_file
from sklearn_homeo.files._encrypting import encrypt_query_file, encrypt_table_file

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def fast():
    return HomeomorphicEncryptor(n_preserved=1, linkage_noise=0.1, randomized=True)


def encrypt(path, folder, target="outcome", **options):
    return encrypt_table_file(
        path, KEY, folder, target=target, encryptor=fast(), **options
    )


def decrypt(folder, out, name="ciphertext.parquet"):
    return decrypt_table_file(folder / name, KEY, folder / "encryptor.sealed", out)


def text_table(seed=0, n_rows=N_ROWS):
    rng = np.random.default_rng(seed)
    lines = ["id,age,bill,seen,note,ward,code,outcome"]
    for i in range(n_rows):
        age = "" if i % 9 == 0 else str(rng.integers(18, 90))
        bill = f"{rng.normal(40, 5):.2f}" if i % 7 else "4e1"
        seen = f"2007-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}"
        lines.append(
            f'p{i:03d},{age},{bill},{seen},"note, {i}",{"abc"[i % 3]},0{i % 5},'
            f"{'yes' if i % 2 else 'no'}"
        )
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    (folder / "table.csv").write_text(text_table())
    with pytest.warns(UserWarning):
        found = encrypt(folder / "table.csv", folder / "out")
    return folder, found


def test_text_comes_back_to_the_byte(encrypted, tmp_path):
    folder, found = encrypted
    assert decrypt(folder / "out", tmp_path / "back.csv") == N_ROWS
    assert (tmp_path / "back.csv").read_bytes() == (folder / "table.csv").read_bytes()
    assert found.pipeline[0].sealed_columns_ == ["id", "note"]
    # What 4e1 means is learnt from, but it is no number of two decimals.
    assert set(found.exceptions) == {"bill"}
    assert found.exceptions["bill"] == [i for i in range(N_ROWS) if i % 7 == 0]


def test_files_show_no_more_than_they_must(encrypted):
    folder, _ = encrypted
    out = folder / "out"
    assert {path.name for path in out.iterdir()} == {
        "ciphertext.parquet",
        "encryptor.sealed",
        "report.html",
    }
    for name in ("encryptor.sealed", "report.html"):
        assert stat.S_IMODE((out / name).stat().st_mode) == 0o600
    for path in out.iterdir():
        content = path.read_bytes()
        assert KEY.to_bytes() not in content and KEY.to_bytes().hex().encode() not in (
            content
        )
        assert b"p001" not in content and b"note, 1" not in content
    table = parquet.read_table(out / "ciphertext.parquet")
    assert table.column_names[0] == "row" and table.column_names[-1] == "sealed"
    assert set(table["outcome"].to_pylist()) == {"yes", "no"}
    original = pd.read_csv(folder / "table.csv")["outcome"].tolist()
    assert table["outcome"].to_pylist() != original
    assert len({len(cell) for cell in table["sealed"].to_pylist()}) == 1
    page = (out / "report.html").read_text()
    assert "encryptor.sealed" in page and "sealed: no model sees it" in page


def test_a_model_learns_from_the_file_and_answers_queries(encrypted, tmp_path):
    from sklearn.linear_model import LogisticRegression

    folder, found = encrypted
    table = parquet.read_table(folder / "out" / "ciphertext.parquet").to_pandas()
    Z, y = table[found.ciphertexts.names], table["outcome"]
    model = LogisticRegression().fit(Z, y)
    queries = "\n".join(
        ",".join(line.split(",")[:-1]) for line in text_table(1, 10).splitlines()
    )
    (tmp_path / "queries.csv").write_text(queries)
    encrypt_query_file(
        tmp_path / "queries.csv", KEY, tmp_path, sealed=folder / "out/encryptor.sealed"
    )
    answers = parquet.read_table(tmp_path / "ciphertext.parquet").to_pandas()
    assert len(model.predict(answers[found.ciphertexts.names])) == 10
    sent = tmp_path / "ciphertext.parquet", KEY, folder / "out" / "encryptor.sealed"
    decrypt_table_file(*sent, tmp_path / "back.csv")
    assert (tmp_path / "back.csv").read_text() == queries


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_answers_come_to_their_records(suffix, encrypted, tmp_path):
    folder, _ = encrypted
    sent, sealed = folder / "out/ciphertext.parquet", folder / "out/encryptor.sealed"
    told = parquet.read_table(sent).to_pandas()[["row", "outcome"]]
    told = told.rename(columns={"outcome": "answer"}).sample(frac=1, random_state=0)
    answers, out = tmp_path / "answers.csv", tmp_path / f"answered{suffix}"
    told.to_csv(answers, index=False)
    decrypt_table_file(sent, KEY, sealed, out, answers=answers)
    read = pd.read_csv if suffix == ".csv" else pd.read_parquet
    back = read(out)
    assert back["id"].tolist() == [f"p{i:03d}" for i in range(N_ROWS)]
    assert (back["answer"] == back["outcome"]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.iloc[1:], "no answer to rows"),
        (lambda table: pd.concat([table, table]), "too many rows"),
        (lambda table: table[["row"]], "the column 'row'"),
        (lambda table: table.rename(columns={"answer": "age"}), "another name"),
    ],
)
def test_answers_of_other_rows_are_told(change, message, encrypted, tmp_path):
    folder, _ = encrypted
    table = pd.DataFrame({"row": range(N_ROWS), "answer": "yes"})
    change(table).to_csv(tmp_path / "answers.csv", index=False)
    with pytest.raises(ValueError, match=message):
        decrypt_table_file(
            folder / "out/ciphertext.parquet",
            KEY,
            folder / "out/encryptor.sealed",
            tmp_path / "back.csv",
            answers=tmp_path / "answers.csv",
        )
    assert not (tmp_path / "back.csv").exists()


def test_queries_unlike_the_table_come_back_sealed(encrypted, tmp_path):
    folder, _ = encrypted
    lines = text_table(2, 4).splitlines()
    lines[1] = "p9,ninety,40.123456789,yesterday,,z,07,maybe"
    lines[2] = "p9,1e3,,,,,,"
    (tmp_path / "queries.csv").write_text("\n".join(lines) + "\n")
    found = encrypt_query_file(
        tmp_path / "queries.csv", KEY, tmp_path, sealed=folder / "out/encryptor.sealed"
    )
    assert {"age", "bill", "seen", "ward", "code"} <= set(found.exceptions)
    decrypt_table_file(
        tmp_path / "ciphertext.parquet",
        KEY,
        folder / "out/encryptor.sealed",
        tmp_path / "back.csv",
    )
    back = (tmp_path / "back.csv").read_text()
    assert back == (tmp_path / "queries.csv").read_text()


def test_queries_of_another_table_are_told(encrypted, tmp_path):
    folder, _ = encrypted
    (tmp_path / "queries.csv").write_text("id,age,height\n1,2,3\n")
    with pytest.raises(ValueError, match="without 'bill', .* and with 'height'"):
        encrypt_query_file(
            tmp_path / "queries.csv",
            KEY,
            tmp_path / "new",
            sealed=folder / "out/encryptor.sealed",
        )


def test_a_part_of_the_rows_comes_back_in_order(encrypted, tmp_path):
    folder, _ = encrypted
    table = parquet.read_table(folder / "out" / "ciphertext.parquet")
    part = table.take([5, 3, 40, 11])
    parquet.write_table(part, tmp_path / "part.parquet")
    sealed = folder / "out" / "encryptor.sealed"
    decrypt_table_file(tmp_path / "part.parquet", KEY, sealed, tmp_path / "back.csv")
    original = (folder / "table.csv").read_text().splitlines()
    back = (tmp_path / "back.csv").read_text().splitlines()
    assert len(back) == 5 and back[0] == original[0]
    places = [original.index(line) for line in back]
    assert places == sorted(places)


def test_changed_moved_and_repeated_rows_are_told(encrypted, tmp_path):
    folder, _ = encrypted
    table = parquet.read_table(folder / "out" / "ciphertext.parquet")
    sealed = folder / "out" / "encryptor.sealed"

    def decrypt_changed(changed):
        path = tmp_path / "changed.parquet"
        parquet.write_table(changed, path)
        decrypt_table_file(path, KEY, sealed, tmp_path / "back.csv")

    cells = table["sealed"].to_pylist()
    cells[0], cells[1] = cells[1], cells[0]
    place = table.column_names.index("sealed")
    moved = table.set_column(place, table.schema.field(place), [cells])
    with pytest.raises(InvalidCiphertextError, match="rows 0, 1 were changed"):
        decrypt_changed(moved)
    with pytest.raises(InvalidCiphertextError, match="rows 2 repeat"):
        decrypt_changed(table.take([0, 1, 0]))
    with pytest.raises(SealedFileError):
        load_pipeline(sealed, OTHER)
    with pytest.raises(ValueError, match="was encrypted with the key"):
        decrypt_table_file(
            folder / "out/ciphertext.parquet", OTHER, sealed, tmp_path / "back.csv"
        )
    assert not (tmp_path / "back.csv").exists()


def test_nothing_is_overwritten(encrypted):
    folder, _ = encrypted
    with pytest.raises(FileExistsError):
        encrypt(folder / "table.csv", folder / "out")
    with pytest.raises(FileExistsError):
        decrypt(folder / "out", folder / "table.csv")


def test_parquet_of_pandas_comes_back(tmp_path):
    unfit = {"interval", "interval array", "mixed", "sparse", "float16", "None"}
    unfit |= {"Python ints beyond 2**64", "Arrow dictionary"}
    columns = {k: v for k, v in pandas_columns().items() if k not in unfit}
    table = pd.DataFrame(columns).assign(outcome=np.arange(N_ROWS) % 2)
    table.index = pd.date_range("2026-01-01", periods=N_ROWS, name="day")
    table.to_parquet(tmp_path / "in.parquet")
    encrypt(tmp_path / "in.parquet", tmp_path / "out")
    decrypt(tmp_path / "out", tmp_path / "back.parquet")
    expected = pd.read_parquet(tmp_path / "in.parquet")
    found = pd.read_parquet(tmp_path / "back.parquet")
    assert_frame_equal(found, expected, check_exact=True)


def test_parquet_of_polars_comes_back(tmp_path):
    columns = polars_columns()
    del columns["Int128"]  # pyarrow has no such type.
    table = pl.DataFrame([s.alias(name) for name, s in columns.items()])
    table = table.with_columns(
        nested=pl.Series([[1, None], None, []] * (N_ROWS // 3)),
        struct=pl.struct("int64", "str"),
        nanoseconds=pl.from_epoch(pl.arange(0, N_ROWS), "ns").dt.time(),
        outcome=pl.Series(["yes", "no", None] * (N_ROWS // 3)),
    )
    table.write_parquet(tmp_path / "in.parquet")
    encrypt(tmp_path / "in.parquet", tmp_path / "out")
    decrypt(tmp_path / "out", tmp_path / "back.parquet")
    found = pl.read_parquet(tmp_path / "back.parquet")
    assert_polars_equal(found, pl.read_parquet(tmp_path / "in.parquet"))


@pytest.mark.parametrize("suffix", [".csv", ".npy"])
def test_other_kinds_of_ciphertext_files(suffix, tmp_path):
    (tmp_path / "table.csv").write_text(text_table())
    encrypt(tmp_path / "table.csv", tmp_path / "out", suffix=suffix)
    decrypt(tmp_path / "out", tmp_path / "back.csv", f"ciphertext{suffix}")
    back = (tmp_path / "back.csv").read_text()
    if suffix == ".csv":
        assert back == text_table()
    else:
        assert back.splitlines()[0] == "age,bill,seen,ward,code"
        assert len(back.splitlines()) == N_ROWS + 1


def test_synthetic_rows_are_made_of_the_ciphertexts(tmp_path):
    (tmp_path / "table.csv").write_text(text_table(n_rows=120))
    found = encrypt(tmp_path / "table.csv", tmp_path / "out", synthetic=True)
    made = parquet.read_table(found.paths["synthetic"]).to_pandas()
    assert len(made) == 120 and set(made["outcome"]) == {"yes", "no"}
    assert "sealed" not in made


BAD = {
    "no such column": ("a,b\n1,2\n", "c", "no column 'c'; columns: 'a', 'b'"),
    "one column": ("a\n1\n", "a", "no column but"),
    "no label": ("a,b\n1,\n2,\n", "b", "no row has a label"),
    "one label": ("a,b\n1,2\n2,\n", "b", "2 rows with a label or more"),
    "uneven": ("a,b\n1,2\n1\n", "b", "row 2 has 1 cells"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_told(case, tmp_path):
    text, target, message = BAD[case]
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        encrypt(tmp_path / "table.csv", tmp_path / "out", target)
