"""The documentation as a site: it builds strictly, loads nothing from elsewhere, and its links have a form that can be.

No test follows a link that leads out of the repository: tests have no network. Their hosts are listed here instead.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from tapstack.gate.registry import load
from tests.conftest import ROOT

pytestmark = pytest.mark.real

# Attributes by which a page makes a browser load something.
_LOADED: Final = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src")}
_LINK: Final = re.compile(r"(?:\]\(|<)(https?:[^)>\s]+)")
HOSTS: Final = {
    "developer.hashicorp.com",
    "docs.aws.amazon.com",
    "docs.getmoto.org",
    "docs.gitlab.com",
    "docs.oasis-open.org",
    "github.com",
    "keepachangelog.com",
    "pre-commit.com",
    "registry.terraform.io",
    "repost.aws",
    "semver.org",
}


class Loaded(HTMLParser):
    """What a page loads, and the classes it uses."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.classes: set[str] = set()
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "class":
                self.classes |= set((value or "").split())
            # A canonical address is told to search engines; nobody loads it.
            elif (tag, name) in _LOADED and dict(attrs).get("rel") != "canonical":
                self.addresses.append(value or "")


def build(configuration: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(configuration), "-d", str(site)],
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    done = build(ROOT / "mkdocs.yml", target)
    assert done.returncode == 0, done.stderr
    return target


def test_every_page_is_in_the_site_and_nothing_else(site: Path) -> None:
    docs = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    made = {path.relative_to(site) for path in site.rglob("*.html")}
    assert made - {Path("404.html")} == {
        page.with_name("index.html" if page.name == "README.md" else f"{page.stem}.html") for page in docs
    }
    assert not list(site.rglob("generate.py"))


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = [Loaded(path) for path in site.rglob("*.html")]
    addresses = {address for page in pages for address in page.addresses}
    assert addresses
    assert [one for one in addresses if urlsplit(one).netloc or urlsplit(one).scheme] == []
    # Material fetches a library for diagrams from elsewhere, as soon as a page has one.
    assert "mermaid" not in set().union(*(page.classes for page in pages))
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\W?https?:|@import\W+https?:", sheet.read_text("utf-8")), sheet


@pytest.mark.parametrize(
    "mistake",
    [
        "[gone](gone.md)",
        "[no such heading](settings.md#gone)",
        "[absolute](/settings.md)",
        "[outside](../README.md)",
    ],
)
def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path, mistake: str) -> None:
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    page = tmp_path / "docs" / "index.md"
    page.write_text(f"{page.read_text('utf-8')}\n{mistake}\n", "utf-8")
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode == 1
    (warning,) = [line for line in done.stderr.splitlines() if line.startswith("WARNING")]
    assert re.search(r"\((.*)\)", mistake)[1] in warning  # type: ignore[index]


# What is read in the repository and not in the site.
BESIDE = [*ROOT.glob("*.md"), ROOT / "terraform" / "README.md", *ROOT.glob("terraform/examples/*/README.md")]


@pytest.mark.parametrize("page", BESIDE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_of_a_page_beside_the_site_lead_to_files(page: Path) -> None:
    links = {urlsplit(link) for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))}
    within = [link.path for link in links if not link.scheme and link.path]
    assert [path for path in within if not (page.parent / path).exists()] == []


def outward() -> set[str]:
    pages = [*BESIDE, *(ROOT / "docs").rglob("*.md")]
    return {link for page in pages for link in _LINK.findall(page.read_text("utf-8"))}


def test_links_that_lead_out_go_to_known_hosts_over_tls() -> None:
    links = [urlsplit(link) for link in outward()]
    assert [link.geturl() for link in links if link.scheme != "https"] == []
    assert {link.netloc for link in links} == HOSTS


def test_the_references_of_policies_are_pages_of_documentation() -> None:
    registry = load()
    assert registry.policies
    for policy in registry.policies:
        assert policy.references, policy.name
        for reference in policy.references:
            parts = urlsplit(reference)
            assert parts.scheme == "https", reference
            assert parts.netloc in HOSTS, reference
            if parts.netloc == "docs.aws.amazon.com":
                assert parts.path.endswith(".html"), reference
                assert not parts.query, reference
