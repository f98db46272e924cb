"""Which workspace a stack is in, as Terraform itself would find it, and where its state is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tapstack.deployment.workspace import Workspace, selected, states
from tapstack.errors import InputError


def test_the_variable_comes_before_what_was_selected_before(tmp_path: Path) -> None:
    assert selected(tmp_path, {}) == Workspace("default", "")
    (tmp_path / ".terraform").mkdir()
    (tmp_path / ".terraform" / "environment").write_text("blue\n")
    assert selected(tmp_path, {}) == Workspace("blue", "terraform workspace select")
    assert selected(tmp_path, {"TF_WORKSPACE": "green"}) == Workspace("green", "TF_WORKSPACE")
    assert selected(tmp_path, {"TF_DATA_DIR": "elsewhere"}) == Workspace("default", "")


@pytest.mark.parametrize("name", ["..", "a/b", "../../etc", "a b", "ä"])
def test_a_name_that_terraform_would_not_take_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be the name of a workspace"):
        selected(tmp_path, {"TF_WORKSPACE": name})


def test_each_workspace_has_a_state_of_its_own(tmp_path: Path) -> None:
    paths = [Workspace(name).state(tmp_path) for name in ("default", "blue", "green")]
    assert len({*paths}) == 3
    for path in paths[:2]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert states(tmp_path) == paths[:2]
