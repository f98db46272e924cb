"""Packages: the same bytes from the same input, wherever and however it lies there."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from tapstack.errors import InputError
from tapstack.terraform.packaging import Package, build


def handlers(root: Path) -> Path:
    folder = root / "handlers" / "writer"
    (folder / "data").mkdir(parents=True)
    (folder / "handler.py").write_text("def handle(event, context):\n    return 1\n")
    (folder / "data" / "table.json").write_text("{}")
    return root / "handlers"


def built(root: Path) -> Package:
    (package,) = build(root / "handlers", root / "packages", cache=root / "cache")
    return package


def test_two_checkouts_under_different_umasks_give_identical_bytes(tmp_path: Path) -> None:
    digests = []
    for name, umask in (("one", 0o022), ("another/place", 0o077)):
        before = os.umask(umask)
        try:
            root = tmp_path / name
            handlers(root)
            digests.append(built(root).path.read_bytes())
        finally:
            os.umask(before)
    assert digests[0] == digests[1]


def test_entries_are_sorted_with_fixed_times_and_modes(tmp_path: Path) -> None:
    (handlers(tmp_path) / "writer" / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "handlers" / "writer" / "run.sh").chmod(0o700)
    with zipfile.ZipFile(built(tmp_path).path) as archive:
        entries = [(i.filename, i.date_time, oct(i.external_attr >> 16)) for i in archive.infolist()]
    assert entries == [
        ("data/table.json", (1980, 1, 1, 0, 0, 0), "0o100644"),
        ("handler.py", (1980, 1, 1, 0, 0, 0), "0o100644"),
        ("run.sh", (1980, 1, 1, 0, 0, 0), "0o100755"),
    ]


def test_bytecode_and_editor_leftovers_stay_out(tmp_path: Path) -> None:
    folder = handlers(tmp_path) / "writer"
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "handler.cpython-311.pyc").write_bytes(b"x")
    (folder / "handler.py~").write_text("old")
    with zipfile.ZipFile(built(tmp_path).path) as archive:
        assert archive.namelist() == ["data/table.json", "handler.py"]


def test_an_unchanged_handler_is_not_rebuilt_and_a_changed_one_is(tmp_path: Path) -> None:
    folder = handlers(tmp_path) / "writer"
    assert built(tmp_path).changed
    os.utime(folder / "handler.py", (1, 1))
    again = built(tmp_path)
    assert not again.changed
    (folder / "handler.py").write_text("def handle(event, context):\n    return 2\n")
    assert built(tmp_path).sha256 != again.sha256


def test_a_single_file_is_a_function_too(tmp_path: Path) -> None:
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "reader.py").write_text("x = 1\n")
    package = built(tmp_path)
    assert package.name == "reader"
    assert zipfile.ZipFile(package.path).namelist() == ["reader.py"]


def test_no_handlers_directory_means_no_functions(tmp_path: Path) -> None:
    assert build(tmp_path / "handlers", tmp_path / "packages", cache=tmp_path / "cache") == []


def test_a_syntax_error_is_named_with_file_and_line(tmp_path: Path) -> None:
    (handlers(tmp_path) / "writer" / "handler.py").write_text("def handle(event, context)\n    return 1\n")
    with pytest.raises(
        InputError, match=r"writer/handler\.py:1: expected ':'; the function could not be imported\."
    ):
        built(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "handlers" / "writer").mkdir(parents=True)
    with pytest.raises(InputError, match="holds no file"):
        built(tmp_path)


def test_requirements_without_hashes_are_refused(tmp_path: Path) -> None:
    (handlers(tmp_path) / "writer" / "requirements.txt").write_text("# a lock\nsix==1.17.0\n")
    with pytest.raises(InputError, match=r"six==1\.17\.0 is not pinned by a hash"):
        built(tmp_path)


def test_a_file_whose_name_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "handlers" / "one").mkdir(parents=True)
    (tmp_path / "handlers" / "one" / os.fsdecode(b"b\xff.py")).write_text("")
    with pytest.raises(InputError, match=r"handlers/one holds a file whose name is not UTF-8, 'b\\xff\.py'"):
        build(tmp_path / "handlers", tmp_path / "packages", cache=tmp_path / "cache")
