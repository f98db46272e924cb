"""However the same configuration is written, the verdicts are the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapstack.gate.examples import read
from tapstack.gate.policy import Policy
from tapstack.gate.registry import load
from tests.policies.conftest import judge_hcl, verdicts
from tests.policies.transformations import ALL, Files, Written, in_module, in_two_modules, pieces

pytestmark = pytest.mark.slow

REGISTRY = load()
# The pseudo resource of the stack itself moves with nothing.
_STACK = "terraform.backend"

_META = {"count", "for_each", "provider", "depends_on"}
_ELSEWHERE = 'resource "terraform_data" "elsewhere" {}\n'

Transformation = Callable[[Files, int], Written]


def originals(policy: type[Policy]) -> list[Files]:
    """The policy's examples, as they are judged together."""
    return [{file.path.name: file.text for file in files} for files in read(policy).configurations()]


def renamed_by(written: Written, before: dict[str, str]) -> dict[str, str]:
    return {address if address == _STACK else written.address(address): v for address, v in before.items()}


def judged(files: Files, policy: type[Policy], directory: Path) -> dict[str, str]:
    for path, text in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    ledger = judge_hcl(directory, REGISTRY, policy.name)
    assert ledger.errors == (), ledger.errors
    return {address: str(verdict) for address, verdict in verdicts(ledger).items()}


@pytest.mark.parametrize("transformation", ALL, ids=lambda t: t.__name__)
@pytest.mark.parametrize("policy", REGISTRY.policies, ids=lambda policy: policy.name)
def test_another_way_to_write_it_gets_the_same_verdicts(
    policy: type[Policy], transformation: Transformation, tmp_path: Path
) -> None:
    for number, files in enumerate(originals(policy)):
        before = judged(files, policy, tmp_path / f"before{number}")
        written = transformation(files, 7)
        after = judged(written.files, policy, tmp_path / f"after{number}")
        assert after == renamed_by(written, before)


@given(data=st.data())
def test_ways_on_top_of_each_other_get_the_same_verdicts(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    policy = data.draw(st.sampled_from(REGISTRY.policies))
    # A module ends the file-level view of the text transformations, so it comes last.
    flat = [t for t in ALL if t not in (in_module, in_two_modules)]
    chain = data.draw(st.lists(st.sampled_from(flat), min_size=1, max_size=3, unique=True))
    names = {t.__name__ for t in chain}
    if {"counted", "for_each"} <= names:
        return
    place = tmp_path_factory.mktemp("chain")
    files = data.draw(st.sampled_from(originals(policy)))
    expected = judged(files, policy, place / "before")
    for transformation in chain:
        written = transformation(files, data.draw(st.integers(0, 99)))
        files = written.files
        expected = renamed_by(written, expected)
    assert judged(files, policy, place / "after") == expected


@pytest.mark.parametrize("policy", REGISTRY.policies, ids=lambda policy: policy.name)
def test_a_value_that_becomes_unknown_makes_a_verdict_unknown_or_leaves_it(
    policy: type[Policy], tmp_path: Path
) -> None:
    for number, files in enumerate(originals(policy)):
        before = judged(files, policy, tmp_path / f"before{number}")
        for hidden, changed in enumerate(with_one_unknown(files)):
            after = judged(changed, policy, tmp_path / f"after{number}-{hidden}")
            for address, verdict in after.items():
                assert verdict in (before.get(address, verdict), "UNKNOWN"), (changed, address)


def with_one_unknown(files: Files) -> Iterator[Files]:
    """The files with one plain literal of a resource after the other known only after apply."""
    for piece in pieces(files):
        for attribute in piece.block.attributes if piece.block.type == "resource" else ():
            line = piece.block.lines[attribute].line
            name = Path(piece.block.position.file).name
            lines = files[name].splitlines()
            plain = rf'\s*{attribute}\s*=\s*("[^"$%\\]*"|true|false|-?\d+)\s*$'
            if attribute in _META or not re.match(plain, lines[line - 1]):
                continue
            lines[line - 1] = f"  {attribute} = terraform_data.elsewhere.output"
            yield files | {name: "\n".join(lines) + "\n", "elsewhere.tf": _ELSEWHERE}
