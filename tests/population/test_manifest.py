"""What a data set is to be: differences told, damage told."""

import pytest

from dynamojax.population import manifest as book


def test_differences_are_told_value_by_value_within_lists_of_tables_too():
    old = {"generate": {"stars": 3, "seed": 1}, "photometers": [{"days": 5.0, "noise": None}], "a": [1, 2]}
    new = {
        "generate": {"stars": 4, "seed": 1},
        "photometers": [{"days": 6.0, "noise": None}, {}],
        "a": [1, 3],
    }
    assert book.differences(old, new) == [
        "a: [1, 2] became [1, 3]",
        "generate.stars: 3 became 4",
        "photometers: 1 became 2",
        "photometers[0].days: 5.0 became 6.0",
    ]
    assert book.differences(old, old) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'"text"', b"3", b"{}", b"\xff\xfe\x00", b"null"])
def test_a_damaged_manifest_is_one_message(tmp_path, content):
    (tmp_path / book.MANIFEST).write_bytes(content)
    with pytest.raises(ValueError, match="manifest.json is damaged"):
        book.read_manifest(tmp_path)


def test_what_is_no_data_set_is_one_message(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "none", tmp_path / "file"):
        with pytest.raises(ValueError, match=f"{path.name} is not a data set"):
            book.read_manifest(path)


def test_garbage_in_the_journal_counts_as_not_written(tmp_path):
    record = book.Record(1, "data/b", 8, 7, 100, "0" * 64)
    (tmp_path / book.JOURNAL).write_bytes(b"\xff\xfe\x00\n[3]\n7\n")
    book.append_record(tmp_path, record)
    assert book.read_records(tmp_path) == {1: record}
