"""`--format html` in a real browser: what a person clicks, types and reads, and what hostile names can't do."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tapstack.report import formats
from tests.bench.synthetic import replicated
from tests.conftest import ROOT, Tap
from tests.unit.reports import hostile

pytestmark = pytest.mark.real

DOCUMENTS = ROOT / "tests" / "policies" / "documents" / "graph"
TOPIC = "aws_sns_topic.audit"
HOSTILE = (
    "<script>window.hacked=1</script>",
    '"><img src=x onerror="window.hacked=1">',
    "</script><script>window.hacked=1</script><!--",
    "' onclick='window.hacked=1",
    "evil\u202egnp.exe",
    "שלום 💣",
)
NARROW: Any = {"viewport": {"width": 400, "height": 800}}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium with an empty profile."""
    program = shutil.which("chromium")
    if program is None:
        reason = "the HTML report is tested in Chromium, and there is no `chromium` on PATH"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    quiet = ["--disable-background-networking", "--disable-component-update", "--no-first-run"]
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*quiet, *root])
        yield browser
        browser.close()


@dataclass
class Opened:
    """A report in the browser, and all that the browser had to say or to fetch."""

    page: Page
    said: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)


Open = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens reports from files, without a network; at the end, nothing may have been said or fetched."""
    every: list[Opened] = []

    def open_(path: Path, **options: Any) -> Page:
        page = browser.new_context(offline=True, **options).new_page()
        one = Opened(page)
        every.append(one)
        page.on("console", lambda message: one.said.append(message.text))
        page.on("pageerror", lambda error: one.said.append(str(error)))
        page.on("request", lambda request: one.fetched.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_
    for one in every:
        assert one.said == []
        assert one.fetched == [one.page.url.partition("#")[0]]
        one.page.context.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a plan with a resource of every kind, and findings."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    answer = Tap(DOCUMENTS)("check", "plan.json", "--format", f"html={path}")
    assert answer.code == 3, answer.said
    return path


def box(page: Page, address: str) -> Locator:
    return page.locator(f'#graph [role="button"][aria-label^="{address}:"]')


def details(page: Page) -> Locator:
    return page.get_by_role("region", name="Details")


def choice(page: Page, name: str) -> Locator:
    return page.get_by_role("checkbox", name=name)


def status(page: Page) -> Locator:
    return page.locator("#ledger-status")


def view_of(page: Page) -> list[float]:
    said = page.locator("#graph svg").get_attribute("viewBox") or ""
    return [float(number) for number in said.split()]


# --- the graph


def test_a_resource_opens_with_its_findings_source_and_references(opened: Open, report: Path) -> None:
    page = opened(report)
    assert page.title() == "The gate is closed: tests/policies/documents/graph"
    expect(page.locator("#graph [role=button]")).to_have_count(19)
    expect(details(page)).to_be_hidden()
    box(page, TOPIC).click()
    about = details(page)
    expect(about.locator("h3")).to_have_text(TOPIC)
    expect(about).to_contain_text("The tag Environment is missing.")
    expect(about).to_contain_text("tests/policies/documents/graph/main.tf:")
    source = about.get_by_label("Source")
    expect(source).to_contain_text('resource "aws_sns_topic" "audit" {')
    expect(source.locator(".marked")).not_to_have_count(0)
    for heading in ("Findings", "Needs", "Is needed by"):
        expect(about.get_by_role("heading", name=heading)).to_be_visible()
    expect(about.get_by_role("button", name="aws_sqs_queue_policy.work")).to_be_visible()
    expect(box(page, TOPIC)).to_have_attribute("aria-pressed", "true")
    # What it names can be gone to.
    about.get_by_role("button", name="aws_kms_key.main").click()
    expect(about.locator("h3")).to_have_text("aws_kms_key.main")
    about.get_by_role("button", name="Around it").click()
    expect(page.get_by_label("Show")).to_have_value(re.compile("near"))
    expect(box(page, TOPIC)).to_have_count(1)
    expect(box(page, "aws_s3_bucket.documents")).to_have_count(0)
    about.get_by_role("button", name="Close").click()
    expect(about).to_be_hidden()


def test_the_same_by_keyboard_alone(opened: Open, report: Path) -> None:
    page = opened(report)
    keys = page.keyboard
    focused = page.locator(":focus")
    keys.press("Tab")
    expect(focused).to_have_text("Skip to the findings")
    while focused.text_content() != "Graph":
        keys.press("Tab")
    keys.press("Enter")
    for name in ("Zoom in", "Zoom out", "Fit"):
        keys.press("Tab")
        expect(focused).to_have_text(name)
    keys.press("Tab")
    keys.press("Tab")
    expect(focused).to_have_attribute("role", "button")
    first = str(focused.get_attribute("aria-label"))
    keys.press("ArrowRight")
    expect(focused).not_to_have_attribute("aria-label", first)
    keys.press("ArrowLeft")
    expect(focused).to_have_attribute("aria-label", first)
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown", "ArrowRight"):
        keys.press(key)
    chosen = str(focused.get_attribute("aria-label")).partition(":")[0]
    keys.press("Enter")
    expect(focused).to_have_text(chosen)
    expect(details(page)).to_contain_text("Source")
    keys.press("Tab")
    expect(focused).to_have_text("In the ledger")
    keys.press("Escape")
    expect(details(page)).to_be_hidden()
    assert str(focused.get_attribute("aria-label")).startswith(f"{chosen}:")
    whole = view_of(page)
    keys.press("+")
    assert view_of(page)[2] < whole[2]
    keys.press("-")
    keys.press("Shift+ArrowRight")
    assert view_of(page)[0] > whole[0]
    keys.press("0")
    assert view_of(page) == pytest.approx(whole, abs=3)  # the box that has the focus was brought in whole
    # And on to the ledger.
    keys.press("Tab")
    expect(focused).to_have_attribute("type", "search")
    keys.type("force_destroy")
    expect(status(page)).to_contain_text("1 row of")


def test_zooming_and_moving_by_mouse(opened: Open, report: Path) -> None:
    page = opened(report)
    page.locator("#graph").scroll_into_view_if_needed()
    whole = view_of(page)
    page.get_by_role("button", name="Zoom in").click()
    assert view_of(page)[2] < whole[2]
    page.get_by_role("button", name="Zoom out").click()
    assert view_of(page)[2] == pytest.approx(whole[2])
    frame = page.locator("#graph svg").bounding_box()
    assert frame is not None
    x, y = frame["x"] + 5, frame["y"] + 5
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 50, y + 30, steps=3)
    page.mouse.up()
    assert view_of(page)[:2] == pytest.approx(
        [
            whole[0] - 50 * whole[2] / frame["width"],
            whole[1] - 30 * whole[3] / frame["height"],
        ],
        abs=1,
    )
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_function(
        "before => Number(document.querySelector('#graph svg').getAttribute('viewBox').split(' ')[2]) < before",
        arg=whole[2],
    )
    page.get_by_role("button", name="Fit").click()
    assert view_of(page) == pytest.approx(whole, abs=1)


# --- the ledger


def test_the_ledger_is_filtered_by_text_verdict_and_severity(opened: Open, report: Path) -> None:
    page = opened(report)
    ledger = page.get_by_role("region", name="Ledger").last
    rows = ledger.locator("tbody tr")
    counts = {
        name: int(re.sub(r"\D", "", page.locator("label", has_text=re.compile(f"^ ?{name} ")).inner_text()))
        for name in ("error", "fail", "unknown", "waived", "pass", "not applicable")
    }
    assert counts["fail"] > 50
    total = sum(counts.values())
    expect(status(page)).to_contain_text(f"{total - counts['not applicable']} rows of {total:,}")
    expect(rows).to_have_count(100)
    page.get_by_role("button", name="Next page").click()
    expect(rows).to_have_count(total - counts["not applicable"] - 100)
    choice(page, "not applicable").check()
    expect(status(page)).to_contain_text(f"{total:,} rows of {total:,}")
    page.get_by_label("Text").fill("ROTATION aws_kms_key")
    expect(rows).to_have_count(3)
    for row in rows.all():
        expect(row).to_contain_text("kms_key_rotation")
    page.get_by_label("Text").fill("")
    for name in ("not applicable", "pass"):
        choice(page, name).uncheck()
    for name in ("low", "medium", "high"):
        choice(page, name).uncheck()
    expect(status(page)).to_contain_text("0 rows")
    choice(page, "high").check()
    expect(rows.first).to_contain_text("high", ignore_case=True)
    # A row leads to its resource.
    address = rows.first.get_by_role("button").inner_text()
    rows.first.get_by_role("button").click()
    expect(details(page).locator("h3")).to_have_text(address)
    details(page).get_by_role("button", name="In the ledger").click()
    expect(page.get_by_label("Text")).to_have_value(address)


# --- names, and readers of every kind


def test_hostile_names_do_nothing_and_are_shown(tmp_path: Path, opened: Open) -> None:
    keys = ", ".join(str(orjson.dumps(text).decode()).replace("${", "$${") for text in HOSTILE)
    (tmp_path / "main.tf").write_text(
        f"""resource "aws_cloudwatch_log_group" "one" {{
  for_each          = toset([{keys}])
  name              = each.key
  retention_in_days = 30
  tags              = {{ (each.key) = each.key, Environment = each.key }}
}}
resource "aws_cloudwatch_log_metric_filter" "two" {{
  for_each       = aws_cloudwatch_log_group.one
  name           = each.key # {HOSTILE[0]}{HOSTILE[2]}
  pattern        = "x"
  log_group_name = each.value.name
}}
"""
    )
    until = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    reason = orjson.dumps(" ".join(HOSTILE)).decode()
    (tmp_path / "tap.toml").write_text(
        f"[[waivers]]\npolicy = 'CKV_TAP_301'\naddress = 'aws_cloudwatch_log_group.one*'\nowner = {reason}\n"
        f"reason = {reason}\nuntil = {until}\n"
    )
    answer = Tap(tmp_path)("check", "--all", "--format", "html=report.html")
    assert answer.code == 3, answer.said
    page = opened(tmp_path / "report.html")
    box(page, "aws_cloudwatch_log_group.one").click()
    about = details(page)
    for text in HOSTILE:
        shown = text.replace("\u202e", "\\u202e")
        expect(about).to_contain_text(shown)
        expect(page.locator("#findings")).to_contain_text(shown)
        page.get_by_label("Text").fill(shown)
        expect(status(page)).not_to_contain_text(re.compile("^0 rows"))
        expect(page.locator("#ledger tbody")).to_contain_text(shown)
    instances = about.get_by_role("button", name="aws_cloudwatch_log_group.one[")
    expect(instances).to_have_count(len(HOSTILE))
    for number in range(len(HOSTILE)):
        address = instances.nth(number).inner_text()
        instances.nth(number).click()
        expect(about.locator("h3")).to_have_text(address)
    about.get_by_role("button", name="Around it").click()
    for chosen in page.locator("#graph [role=button]").all():
        chosen.dispatch_event("click")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, [onclick], [onerror]").count() == 0
    assert page.locator("script").count() == 2
    assert "\u202e" not in page.content()


def test_hostile_messages_reasons_and_files_do_nothing(tmp_path: Path, opened: Open) -> None:
    (tmp_path / "report.html").write_bytes(formats.render("html", hostile()))
    page = opened(tmp_path / "report.html")
    rows = page.locator("#ledger tbody tr")
    expect(rows).to_have_count(17)
    for number in range(rows.count()):
        shown = rows.nth(number).locator("td").last.text_content() or ""
        rows.nth(number).get_by_role("button").click()
        expect(details(page)).to_contain_text(shown[:20])
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, [onclick], [onerror]").count() == 0
    assert page.locator("script").count() == 2


def test_without_a_script_there_are_summary_and_findings(opened: Open, report: Path) -> None:
    page = opened(report, java_script_enabled=False)
    expect(page.get_by_role("heading", name="The gate is closed")).to_be_visible()
    expect(page.locator("#summary")).to_contain_text("99 findings block")
    expect(page.locator("#findings")).to_contain_text("The tag Environment is missing.")
    page.locator("#findings summary").first.click()
    expect(page.locator("#findings pre").first).to_be_visible()
    expect(page.locator("#graph noscript")).to_be_visible()


@pytest.mark.parametrize("options", [NARROW, NARROW | {"color_scheme": "dark"}, {"forced_colors": "active"}])
def test_it_fits_a_narrow_screen_and_every_scheme(
    opened: Open, report: Path, options: Mapping[str, Any]
) -> None:
    page = opened(report, **options)
    box(page, TOPIC).dispatch_event("click")
    expect(details(page).locator("h3")).to_be_visible()
    width = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
    assert width <= 0


def test_on_paper_there_are_no_buttons(opened: Open, report: Path) -> None:
    page = opened(report, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(page.get_by_role("button", name="Zoom in")).to_be_hidden()
    expect(page.locator("#findings")).to_contain_text("The tag Environment is missing.")


def test_the_same_stack_is_the_same_file(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        path = tmp_path / f"{seed}.html"
        Tap(DOCUMENTS)("check", "--format", f"html={path}", env={"PYTHONHASHSEED": seed})
    assert (tmp_path / "1.html").read_bytes() == (tmp_path / "2.html").read_bytes()


# --- an apply


@pytest.mark.slow
def test_an_apply_has_a_timeline(stack: Callable[[str], Tap], opened: Open) -> None:
    tap = stack("group")
    answer = tap("apply", "--auto-approve", "--format", "html=apply.html", "--format", "junit=/dev/full")
    # All is well but for a report that could not be written.
    assert answer.code == 1, answer.said
    assert "1 created." in answer.out
    assert "The report /dev/full can't be written" in answer.err
    path = tap.directory / "apply.html"
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
    page = opened(path)
    row = page.locator("#timeline tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("aws_cloudwatch_log_group.one")
    expect(row).to_contain_text("done")
    expect(row.locator("rect.done")).to_be_visible()
    expect(page.locator("#timeline")).to_contain_text("applied after")
    box(page, "aws_cloudwatch_log_group.one").click()
    expect(details(page)).to_contain_text("retention_in_days = var.days")


@pytest.mark.slow
def test_an_apply_that_fails_has_one_as_well(stack: Callable[[str], Tap], opened: Open) -> None:
    tap = stack("local")
    fails = (
        'resource "terraform_data" "fails" {\n  provisioner "local-exec" {\n    command = "exit 3"\n  }\n}\n'
    )
    (tap.directory / "fails.tf").write_text(fails)
    sealed = tap.succeeds("plan", "--json").out
    answer = tap("apply", str(orjson.loads(sealed)["id"]), "--format", "html=apply.html")
    assert answer.code == 1, answer.said
    page = opened(tap.directory / "apply.html")
    expect(page.locator("#timeline")).to_contain_text("failed after")
    row = page.locator("#timeline tbody tr", has_text="terraform_data.fails")
    expect(row).to_contain_text("failed")
    box(page, "terraform_data.fails").click()
    expect(details(page)).to_contain_text('command = "exit 3"')


def _umask() -> int:
    now = os.umask(0o022)
    os.umask(now)
    return now


def test_an_apply_has_stdout_for_itself(group: Tap) -> None:
    for command in ("apply", "destroy"):
        answer = group(command, "--format", "html")
        assert (answer.code, answer.out) == (64, "")
        assert "--format html: a file was expected, --format html=FILE." in answer.err


# --- a large plan


@pytest.mark.slow
def test_20_000_resources_open_and_are_filtered(tmp_path: Path, opened: Open) -> None:
    plan = orjson.loads((DOCUMENTS / "plan.json").read_bytes())
    (tmp_path / "large.json").write_bytes(orjson.dumps(replicated(plan, 20_000)))
    answer = Tap(tmp_path)("check", "large.json", "-q", "--format", "html=large.html")
    assert answer.code == 3, answer.said
    assert (tmp_path / "large.html").stat().st_size < 20_000_000
    page = opened(tmp_path / "large.html")
    groups = page.locator("#graph [role=button]")
    assert 10 < groups.count() <= 250
    choice(page, "not applicable").check()
    every = int(re.sub(r"\D.*", "", status(page).inner_text().replace(",", "")))
    assert every > 600_000
    page.get_by_label("Text").fill("module.copy13. aws_kms_key CKV_TAP_101")
    expect(status(page)).to_contain_text(re.compile("^3 rows of"))
    page.locator("#ledger tbody").get_by_role("button").first.click()
    expect(details(page).locator("h3")).to_contain_text("module.copy13.aws_kms_key")
    assert 1 < groups.count() < 30
    page.get_by_label("Show").select_option(label="by type")
    page.locator('#graph [role=button][aria-label^="aws_kms_key"]').click()
    expect(details(page)).to_contain_text("Blocks (")
