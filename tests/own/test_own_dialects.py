"""Text files of every manner: each gives its values, or one line that names the option."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile

import numpy as np
import pyarrow as pa
import pytest

from mine.errors import UserError
from mine.own.dialect import Dialect
from mine.own.reading import read, read_sides


@pytest.fixture
def made(tmp_path):
    def of(content, x="x", z="z", discrete=(), name="data.csv", **dialect):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        source, of_x, of_z = read(path, x, z, discrete, dialect=Dialect(**dialect))
        return source, [each.values.tolist() for each in of_x], [each.values.tolist() for each in of_z]

    return of


PLAIN = "x,z,w\n1.5,4,7\n2,5,8\n3,6.25,9\n"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", "|"),
        PLAIN.replace(",", "   "),
        PLAIN.replace(",", ", "),
        PLAIN.replace(",", ";").replace(".", ","),
        PLAIN.replace(",", "\t").replace(".", ","),
        PLAIN.replace("\n", ",\n"),
        PLAIN.replace("7\n", "7,\n").replace("8\n", "8,\n").replace("9\n", "9,\n"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN + "\n\n",
        "# made by an instrument\n# in 2020\n" + PLAIN,
        PLAIN.replace("2,5", "# a break\n2,5"),
        PLAIN.replace("x,z,w", "# x,z,w"),
        PLAIN.replace("x,z", '"x" , "z"'),
        PLAIN.replace("1.5", "+1.5").replace("2,", '" 2 ",'),
        PLAIN.replace("6.25", "6.25e0"),
        "\ufeff" + PLAIN,
        "\ufeffsep=;\r\n" + PLAIN.replace(",", ";").replace(".", ","),
        "sep=,\n" + PLAIN,
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
    ],
)
def test_each_manner_gives_the_same_values(made, text):
    _, x, z = made(text)
    assert (x, z) == ([[1.5, 2.0, 3.0]], [[4.0, 5.0, 6.25]])


@pytest.mark.parametrize(
    ("ending", "pack"),
    [
        ("gz", gzip.compress),
        ("bz2", bz2.compress),
        ("xz", lzma.compress),
        ("zst", lambda data: pa.compress(data, codec="zstd", asbytes=True)),
    ],
)
def test_packed(made, ending, pack):
    source, x, _ = made(pack(PLAIN.encode()), name=f"data.csv.{ending}")
    assert x == [[1.5, 2.0, 3.0]]
    assert source.read_as["compression"] in ("gzip", "bzip2", "xz", "zstd")


def test_a_zip_of_one_file(made):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inside.csv", PLAIN)
    assert made(packed.getvalue(), name="data.zip.csv")[1] == [[1.5, 2.0, 3.0]]
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("other.csv", PLAIN)
    with pytest.raises(UserError, match="a zip archive of 2 files; allowed is one"):
        made(packed.getvalue())


def test_how_it_was_read_is_recorded(made):
    source, _, _ = made("# one\n" + PLAIN.replace(",", ";").replace(".", ","))
    assert source.read_as == {
        "sep": ";", "encoding": "utf-8", "compression": None, "comment_lines": 1, "decimal": ","
    }  # fmt: skip
    assert made(PLAIN)[0].read_as["sep"] == ","
    assert made("sep=,\n" + PLAIN)[0].read_as["sep_line"] == "sep=,"


@pytest.mark.parametrize(
    ("values", "right"),
    [
        (['"1,304.00"', '"12.5"', '"7"'], [1304.0, 12.5, 7.0]),
        (['"1.304,00"', '"12,5"', '"7"'], [1304.0, 12.5, 7.0]),
        (['"1,304,000"', '"2,000"', "5"], [1304000.0, 2000.0, 5.0]),
        (["12.57%", "3 %", "100%"], [0.1257, 0.03, 1.0]),
        (["−1.5", "2", "3"], [-1.5, 2.0, 3.0]),
        (["1 304.5", "2", "3"], [1304.5, 2.0, 3.0]),
        (["True", "false", "True"], [1.0, 0.0, 1.0]),
        ([".5", "5.", "1E3"], [0.5, 5.0, 1000.0]),
        (["18446744073709551615", "1", "2"], [2.0**64, 1.0, 2.0]),
    ],
)
def test_numbers_as_people_write_them(made, values, right):
    text = "x,z\n" + "".join(f"{value},{place}\n" for place, value in enumerate(values))
    np.testing.assert_allclose(made(text)[1][0], right, rtol=1e-15)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,x,z\n1,2,3\n2,3,4\n", r"x: 'x': 2 columns have this name; rename them"),
        ("a;b,c;x,z;d\n1;2,3;4,5;6\n", "semicolon and comma both cut|comma and semicolon both cut.*--sep"),
        ("x;z\n1,304;1\n2,500;2\n", r"'1,304' in column 'x' can be a thousand or a fraction; say --decimal|2,500"),
        ("x;z\n1,5;1\n2.5;2\n", "has a decimal point and .* a decimal comma; say which with --decimal"),
        ("x,z\n1,2\n?,3\n4,5\n6,7\n", r"column 'x': '\?' in row 2 is not a number; if it stands .*say --na '\?'"),
        ("x,z\n1,2\n3,4\nTotal,9\n", r"'Total' in row 3 is not a number; if that is a footer, say --skip-footer 1"),
        ("x,z\n1,2\n3,4\nmade in 2020\n", r"row 3 has 1 field where there are 2 columns .*say --skip-footer 1"),
        ("x,z\n1,2\n3\n4,5\n", "row 2 has 1 field where there are 2 columns"),
        ("x,z\nr1,1,2\nr2,2,3\n", "rows have 3 fields and the header 2: .*give their column a name"),
        ("1.5,2.5\n2.5,3.5\n3.5,4\n", "'x' is no column; there are 1.5, 2.5; line 1 holds a number: .*--no-header"),
        (
            "x,caf\xe9\n1,2\n".encode("latin-1"),
            r"not utf-8: byte 0xe9 in line 1 \('café' if it is latin-1\); say --enc",
        ),
        (b"x,z\n\x00\x01,2\n", "holds zero bytes"),
        ("", "empty: no header and no rows"),
        ("x,z\n", "no rows below the header"),
        (b"\x1f\x8bnothing", "not readable as gzip"),
    ],
)
def test_what_cannot_be_known_is_one_line(made, text, message):
    with pytest.raises(UserError, match=message):
        made(text)


def test_options_settle_what_the_file_leaves_open(made):
    thousands = "x;z\n1,304;1\n2,500;2\n"
    assert made(thousands, decimal=".")[1] == [[1304.0, 2500.0]]
    assert made(thousands, decimal=",")[1] == [[1.304, 2.5]]
    assert made("x,b;c,z\n1,2;3,4\n5,6;7,8\n", sep=",")[1:] == ([[1.0, 5.0]], [[4.0, 8.0]])
    assert made("caf\xe9,z\n1,2\n".encode("latin-1"), x="café", encoding="latin-1")[1] == [[1.0]]
    assert made("1.5,2\n3,4\n", x="0", z="1", header=False)[1:] == ([[1.5, 3.0]], [[2.0, 4.0]])
    assert made("x,z\n1,2\n3,4\nTotal,9\n", footer=1)[1] == [[1.0, 3.0]]


@pytest.mark.parametrize("na", ["-9999", "-9999.0", "?", "none yet"])
def test_words_for_missing_values(tmp_path, na):
    (tmp_path / "a.csv").write_text(f"x,z\n1,2\n{na},3\nNaN,4\n5,6\n")
    _, x, _ = read(tmp_path / "a.csv", "x", "z", dialect=Dialect(na=(na,)))
    assert x[0].missing.tolist() == [False, True, True, False]
    if na == "-9999":
        np.save(tmp_path / "a.npy", np.array([[1, 2], [-9999, 4], [3, 5]]))
        assert read(tmp_path / "a.npy", "0", "1", dialect=Dialect(na=(na,)))[1][0].missing.tolist() == [0, 1, 0]


def test_levels_are_levels_whatever_they_are_called(made, tmp_path):
    (tmp_path / "a.csv").write_text("x,z\nNA,2\nNone,3\nb,4\n,5\n01,6\n")
    _, x, _ = read(tmp_path / "a.csv", "x", "z", "x")
    assert x[0].values.tolist() == ["NA", "None", "b", "", "01"]
    assert x[0].missing.tolist() == [False, False, False, True, False]
    assert read(tmp_path / "a.csv", "x", "z", "x", dialect=Dialect(na=("NA",)))[1][0].missing.tolist()[0]


def test_all_faults_of_a_file_are_named_at_once(tmp_path):
    (tmp_path / "a.csv").write_text("a,b,c,d,e\n1,u,inf,,5\n1,2,3,4,6\n1,3,4,5,8\n")
    with pytest.raises(UserError) as raised:
        read(tmp_path / "a.csv", "a,b", "c,d,e")
    told = str(raised.value)
    assert told.startswith("3 faults: (1) column 'b': 'u' in row 1")
    assert "(2) column 'c': infinite in row 1" in told
    assert "(3) column 'a': constant (1.0)" in told
    with pytest.raises(UserError, match=r"4 faults: .*'f' is no column.*'a' is named twice.*'g'.*discrete: 'h'"):
        read(tmp_path / "a.csv", "f,a,a", "g", "h")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"sep": "x"}, "sep: 'x' is unknown; allowed are"),
        ({"decimal": ";"}, "decimal: ';' is unknown"),
        ({"sep": ",", "decimal": ","}, "is the separator as well"),
        ({"encoding": "klingon"}, "encoding: 'klingon' is unknown"),
        ({"footer": -1}, "skip_footer: -1"),
        ({"footer": "two"}, "skip_footer: 'two'"),
    ],
)
def test_a_dialect_that_is_none(words, message):
    with pytest.raises(UserError, match=message):
        Dialect(**words)


NAMED = 'x one,"mass, kg",V1,V2,V3,V-4,é,"a,b",a,b\n' + "".join(
    ",".join(str(row * place) for place in range(1, 11)) + "\n" for row in range(1, 4)
)


@pytest.mark.parametrize(
    ("words", "right"),
    [
        (["x one"], ["x one"]),
        (["mass, kg"], ["mass, kg"]),
        (['x one, "mass, kg"'], ["x one", "mass, kg"]),
        (["x one, mass, kg, V1"], ["x one", "mass, kg", "V1"]),
        (["V1-V3", "é"], ["V1", "V2", "V3", "é"]),
        (["V1-V-4"], ["V1", "V2", "V3", "V-4"]),
        (["V-4"], ["V-4"]),
        (['"a,b"'], ["a,b"]),
        ([" V1 "], ["V1"]),
    ],
)
def test_names_with_blanks_and_commas_and_ranges(tmp_path, words, right):
    (tmp_path / "a.csv").write_text(NAMED)
    assert [each.name for each in read_sides(tmp_path / "a.csv", {"x": words})[1]["x"]] == right


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["V1,a,b"], r"can be read as .* and as .*double quotes"),
        (["V3-V1"], "'V3-V1' runs backwards"),
        (["V1-V9"], "'V1-V9' is no column"),
        (["mass,kg"], "'mass' is no column"),
        (["x_one"], r"\(did you mean 'x one'\?\)"),
        (["V1", "V1"], "'V1' is named twice"),
        (['"V1'], "x: '\"V1'"),
    ],
)
def test_names_that_are_none(tmp_path, words, message):
    (tmp_path / "a.csv").write_text(NAMED)
    with pytest.raises(UserError, match=message):
        read_sides(tmp_path / "a.csv", {"x": words})


def test_names_cannot_write_to_the_terminal(tmp_path):
    (tmp_path / "a.csv").write_text("x\x1b[31m,z\n1,2\n")
    with pytest.raises(UserError) as raised:
        read(tmp_path / "a.csv", "x", "z")
    assert "\x1b" not in str(raised.value)
