"""Parsed files that are kept: the same as parsed anew, or not used at all."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tapstack.masking import MASK
from tapstack.terraform import parse_cache, source
from tests.conftest import ROOT

TEXT = 'resource "aws_kms_key" "main" {\n  enable_key_rotation = true\n}\n'
FILES = sorted(
    path
    for below in ("terraform", "policies", "tests")
    for path in (ROOT / below).rglob("*.tf")
    if ".tap" not in path.parts and ".terraform" not in path.parts
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    parse_cache._directory.cache_clear()
    yield tmp_path / "cache" / "tap" / "hcl"
    parse_cache._directory.cache_clear()


def count_parses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    tree = source.tree

    def counted(text: str, shown: str) -> object:
        seen.append(shown)
        return tree(text, shown)

    monkeypatch.setattr(source, "tree", counted)
    return seen


def written(tmp_path: Path, text: str = TEXT, name: str = "main.tf") -> Path:
    file = tmp_path / name
    file.write_text(text)
    return file


def test_every_file_of_this_project_comes_out_as_it_went_in(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = {}
    for path in FILES:
        try:
            read[path] = source.read_file(path)
        except source.ConfigurationError:
            continue
    assert len(read) > 200
    assert len(list(cache.iterdir())) == len({source.text_of(path) for path in read})
    parses = count_parses(monkeypatch)
    assert {path: repr(source.read_file(path)) for path in read} == {p: repr(b) for p, b in read.items()}
    assert parses == []


def test_numbers_and_letters_of_every_kind(cache: Path, tmp_path: Path) -> None:
    text = 'locals {\n  a = [1, 1.5, -0.0, 123456789012345678901234567890, 1e999, "\\ud800", "ü", null, true, {}]\n}\n'
    file = written(tmp_path, text)
    assert repr(source.read_file(file)) == repr(source.read_file(file))
    assert len(list(cache.iterdir())) == 1


def test_a_text_is_parsed_once_under_whatever_name(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parses = count_parses(monkeypatch)
    source.read_file(written(tmp_path))
    (block,) = source.read_file(written(tmp_path, name="other.tf"))
    assert len(parses) == 1
    assert Path(block.position.file).name == "other.tf"
    assert Path(block.lines["enable_key_rotation"].file).name == "other.tf"
    source.read_file(written(tmp_path, TEXT.replace("true", "false")))
    assert len(parses) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: entry.write_bytes(b""),
        lambda entry: entry.write_bytes(entry.read_bytes()[:-1]),
        lambda entry: entry.write_bytes(entry.read_bytes().replace(b"true", b"null")),
        lambda entry: entry.write_bytes(b"\xff" * 100),
        lambda entry: (entry.unlink(), entry.mkdir()),
    ],
    ids=["empty", "cut", "changed", "no text", "a directory"],
)
def test_a_damaged_entry_is_parsed_anew_and_mended(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: object
) -> None:
    file = written(tmp_path)
    first = source.read_file(file)
    (entry,) = cache.iterdir()
    damage(entry)  # type: ignore[operator]
    parses = count_parses(monkeypatch)
    assert source.read_file(file) == first
    assert len(parses) == 1
    source.read_file(file)
    assert len(parses) == (1 if entry.is_file() else 2)


def test_an_entry_of_another_reader_is_not_used(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.read_file(written(tmp_path))
    monkeypatch.setattr(parse_cache, "_reader", lambda: b"another")
    assert parse_cache.load(TEXT + "\n") is None
    monkeypatch.undo()


def test_what_does_not_parse_is_not_kept(cache: Path, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(source.ConfigurationError):
            source.read_file(written(tmp_path, "resource {"))
    assert list(cache.iterdir()) == []


def test_a_file_with_a_secret_in_it_is_not_kept(cache: Path, tmp_path: Path) -> None:
    MASK.learn(["hunter2hunter2"])
    source.read_file(written(tmp_path, 'locals {\n  a = "hunter2hunter2"\n}\n'))
    assert list(cache.iterdir()) == []


def test_only_its_user_may_read_or_write(cache: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        source.read_file(written(tmp_path))
    finally:
        os.umask(before)
    (entry,) = cache.iterdir()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (cache, entry)] == [0o700, 0o600]


def test_a_directory_that_others_may_write_to_is_not_trusted(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.read_file(written(tmp_path))
    cache.chmod(0o777)
    parse_cache._directory.cache_clear()
    parses = count_parses(monkeypatch)
    source.read_file(written(tmp_path))
    assert len(parses) == 1


def test_without_a_place_for_it_files_are_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a file"))
    parse_cache._directory.cache_clear()
    assert len(source.read_file(written(tmp_path))) == 1
    parse_cache._directory.cache_clear()


def test_it_stays_small(cache: Path, tmp_path: Path) -> None:
    for number in range(20):
        source.read_file(written(tmp_path, f"# {number}\n{TEXT}"))
    entries = sorted(cache.iterdir())
    for age, entry in enumerate(entries):
        os.utime(entry, (1_000_000 - age, 1_000_000 - age))
    size = entries[0].stat().st_size
    parse_cache.trim(cache, 20 * size)
    assert len(list(cache.iterdir())) == 20
    parse_cache.trim(cache, 10 * size)
    # The youngest are kept.
    assert sorted(cache.iterdir()) == sorted(entries[:7])


def test_many_at_once(cache: Path, tmp_path: Path) -> None:
    files = [written(tmp_path, f"# {n % 3}\n{TEXT}", f"{n}.tf") for n in range(24)]
    failed: list[object] = []

    def read(file: Path) -> None:
        for _ in range(20):
            blocks = source.read_file(file)
            if [block.labels for block in blocks] != [("aws_kms_key", "main")]:
                failed.append(blocks)

    threads = [threading.Thread(target=read, args=(file,)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(list(cache.iterdir())) == 3
    for entry in cache.iterdir():
        json.loads(entry.read_bytes()[64:])
