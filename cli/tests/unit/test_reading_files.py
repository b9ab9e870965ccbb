"""Whatever a file holds, each line becomes a row or a refusal that names the mend."""

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.importing.table import FileUnusable, Table, read_table


def table(
    tmp_path: Path, content: bytes, *, delimiter: str = ",", encoding: str = "utf-8"
) -> Table:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    return read_table(path, delimiter=delimiter, encoding=encoding)


def test_reads_rows_by_column_name_with_their_line(tmp_path: Path) -> None:
    read = table(tmp_path, b"a,b\n1,2\n3,4\n")
    assert [(line.number, line.cells) for line in read.lines] == [
        (2, {"a": "1", "b": "2"}),
        (3, {"a": "3", "b": "4"}),
    ]


def test_a_spreadsheets_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert table(tmp_path, b"\xef\xbb\xbfa,b\n1,2\n").columns == ("a", "b")


def test_a_quoted_line_break_moves_the_line_numbers_of_later_rows(tmp_path: Path) -> None:
    read = table(tmp_path, b'a,b\n"x\ny",2\n3,4\n')
    assert [line.number for line in read.lines] == [2, 4]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"a;b;c\n1;2;3\n", "delimiter: ';'"),
        (b"a\tb\n1\t2\n", "delimiter: '\\t'"),
        (b"\xff\xfea\x00,\x00b\x00", "UTF-16"),
        (b"a,a\n1,2\n", "stands twice"),
        (b"\xffa,b\n1,2\n", "not utf-8"),
    ],
)
def test_an_unusable_file_is_refused_with_the_mend(
    tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(FileUnusable, match=re.escape(words)):
        table(tmp_path, content)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileUnusable, match=r"nothing\.csv"):
        read_table(tmp_path / "nothing.csv", delimiter=",", encoding="utf-8")


@pytest.mark.parametrize("row", [b"1,2,3", b"1"])
def test_a_row_of_another_width_is_refused_and_the_others_are_kept(
    tmp_path: Path, row: bytes
) -> None:
    read = table(tmp_path, b"a,b\n1,2\n" + row + b"\n5,6\n")
    assert [line.number for line in read.lines] == [2, 4]
    assert [(refusal.line, "columns" in refusal.reason) for refusal in read.refusals] == [(3, True)]


def test_a_row_that_is_not_utf8_is_refused_and_the_others_are_kept(tmp_path: Path) -> None:
    read = table(tmp_path, b"a,b\n1,2\n\xff,4\n5,6\n")
    assert [line.number for line in read.lines] == [2, 4]
    assert [refusal.line for refusal in read.refusals] == [3]


@given(
    st.lists(
        st.lists(st.text(alphabet='ab,"\n;é ', max_size=4), min_size=2, max_size=2), max_size=8
    )
)
def test_every_row_that_a_spreadsheet_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    read = table(tmp_path_factory.mktemp("csv"), text.getvalue().encode())
    assert [list(line.cells.values()) for line in read.lines] == [
        [cell.strip() for cell in row] for row in rows
    ]
    assert not read.refusals
