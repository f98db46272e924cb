"""What `make release-check` says of commits, of packages with known flaws, and where nobody could look."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from release import audit, check, sbom
from release.build import Distributions, NotReleasable, git
from tests.conftest import ROOT

pytestmark = pytest.mark.real

FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"


@pytest.fixture
def commit(tmp_path: Path) -> Path:
    """A repository with one commit."""
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "--quiet")
    (repository / "file").write_text("1\n")
    git(repository, "add", "--all")
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    git(repository, *who, "commit", "--quiet", "--message", "first")
    return repository


def made(version: str) -> Distributions:
    return Distributions(
        Path(f"tapstack-{version}.tar.gz"), Path(f"dist/tapstack-{version}-py3-none-any.whl")
    )


def test_a_commit_without_a_tag_is_no_release(commit: Path) -> None:
    git(commit, "tag", "vnext")
    with pytest.raises(NotReleasable, match=r"the commit has no tag vX\.Y\.Z"):
        check.tagged(commit, made("0.1.0"))


def test_the_tag_is_the_version_of_the_wheel(commit: Path) -> None:
    git(commit, "tag", "v1.2.0")
    assert check.tagged(commit, made("1.2.0")) == "the tag and the wheel say 1.2.0"
    with pytest.raises(NotReleasable, match=r"the tag says 1\.2\.0, the wheel 1\.2\.1\.dev1\+g1234567"):
        check.tagged(commit, made("1.2.1.dev1+g1234567"))


def test_what_is_not_committed_is_named(commit: Path) -> None:
    assert check.clean(commit) == "everything is committed"
    (commit / "file").write_text("2\n")
    (commit / "new").touch()
    with pytest.raises(NotReleasable, match="not committed: file, new"):
        check.clean(commit)


def test_the_changelog_has_a_section_for_the_version() -> None:
    text = "## [Unreleased]\n## [1.0.0] - 2026-01-01\n### Added\n- All.\n[Unreleased]: x\n[1.0.0]: y/v1.0.0\n"
    assert check.logged(text, "1.0.0") == "CHANGELOG.md has a section for 1.0.0"
    with pytest.raises(NotReleasable, match=r"no section \[1\.1\.0\]"):
        check.logged(text, "1.1.0")
    with pytest.raises(NotReleasable, match=r"\[1\.0\.0\] has no date"):
        check.logged(text.replace(" - 2026-01-01", ""), "1.0.0")


def looked_at(*packages: dict[str, Any]) -> dict[str, Any]:
    """The JSON of pip-audit, 2.10."""
    return {"dependencies": list(packages), "fixes": []}


SOUND = {"name": "click", "version": "8.5.1", "vulns": []}
FLAWED = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [{"id": "PYSEC-2014-8", "fix_versions": ["2.7.2"], "aliases": [], "description": ""}],
}
UNKNOWN = {
    "name": "inner",
    "skip_reason": "Dependency not found on PyPI and could not be audited: inner (1.0)",
}


def test_packages_without_known_flaws_are_counted() -> None:
    said = "2 locked packages looked up, none with a known vulnerability"
    assert audit.judge(looked_at(SOUND, SOUND)) == said


@pytest.mark.parametrize(
    ("packages", "said"),
    [
        ((SOUND, FLAWED), r"1 known vulnerabilities: jinja2 2\.4\.1: PYSEC-2014-8 \(mended in 2\.7\.2\)"),
        ((SOUND, UNKNOWN), "pip-audit did not look at inner"),
        ((), "pip-audit did not look at any package"),
    ],
)
def test_neither_a_flaw_nor_a_blind_spot_passes(packages: tuple[dict[str, Any], ...], said: str) -> None:
    with pytest.raises(NotReleasable, match=said):
        audit.judge(looked_at(*packages))


def test_an_auditor_that_could_not_look_is_no_all_clear(tmp_path: Path) -> None:
    program = tmp_path / "pip-audit"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('ConnectionError: no route to host')\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(NotReleasable, match=r"could not look, and nothing is known.*no route to host"):
        audit.audit(tmp_path)


def bill() -> dict[str, Any]:
    """An environment of two packages, as cyclonedx-py describes it."""
    parts = [
        {"type": "library", "name": name, "version": "1.0", "bom-ref": name, "purl": f"pkg:pypi/{name}@1.0"}
        for name in ("click", "tapstack")
    ]
    parts[1]["externalReferences"] = [{"type": "distribution", "url": "file:///somewhere/tapstack.whl"}]  # type: ignore[assignment]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"timestamp": "2026-01-01T00:00:00+00:00"},
        "components": parts,
        "dependencies": [{"ref": "click"}, {"ref": "tapstack", "dependsOn": ["click"]}],
    }


def test_the_bill_is_tap_s_and_names_no_place() -> None:
    made = sbom.about_tap(bill())
    assert [part["name"] for part in made["components"]] == ["click"]
    assert made["metadata"]["component"] == {
        "type": "application",
        "name": "tapstack",
        "version": "1.0",
        "bom-ref": "tapstack",
        "purl": "pkg:pypi/tapstack@1.0",
    }
    sbom.require_valid(json.dumps(made))
    assert "file:" not in json.dumps(made)


def test_a_bill_that_breaks_the_schema_is_refused() -> None:
    made = sbom.about_tap(bill())
    made["components"][0]["type"] = "pudding"
    with pytest.raises(NotReleasable, match="breaks CycloneDX's schema: 'pudding' is not one of"):
        sbom.require_valid(json.dumps(made))


@pytest.mark.parametrize(
    ("form", "schema"),
    [
        ("bug.yml", "vendor.github-issue-forms"),
        ("feature.yml", "vendor.github-issue-forms"),
        ("config.yml", "vendor.github-issue-config"),
    ],
)
def test_the_forms_of_issues_are_what_github_reads(form: str, schema: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(FORMS / form)],
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
