"""A rehearsal as JUnit XML: one test case a step, for the test reports of CI systems.

Source: https://github.com/testmoapp/junitxml, since the format has no owner.
"""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree

from tapstack.masking import MASK
from tapstack.report.rehearsal_step import Report, Step

_SUITE: Final = "tap rehearse"


def render(report: Report) -> bytes:
    """UTF-8 XML; a step that the stack has nothing for, or that was not reached, is skipped."""
    skipped = len(report.not_reached) + sum(step.outcome.verdict == "none" for step in report.steps)
    counts = {
        "tests": str(len(report.steps) + len(report.not_reached)),
        "failures": str(int(report.failure is not None)),
        "errors": "0",
        "time": f"{report.seconds:.3f}",
    }
    root = ElementTree.Element("testsuites", {"name": _SUITE, **counts})
    suite = ElementTree.SubElement(
        root, "testsuite", {"name": _text(report.stack), **counts, "skipped": str(skipped)}
    )
    for step in report.steps:
        _add(suite, report.stack, step)
    for name in report.not_reached:
        case = ElementTree.SubElement(suite, "testcase", _case(report.stack, name, 0.0))
        ElementTree.SubElement(case, "skipped", {"message": "not reached"})
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _add(suite: ElementTree.Element, stack: str, step: Step) -> None:
    outcome = step.outcome
    case = ElementTree.SubElement(suite, "testcase", _case(stack, step.name, step.seconds))
    if outcome.verdict == "none":
        ElementTree.SubElement(case, "skipped", {"message": _text(f"none: {outcome.detail}")})
    elif outcome.verdict == "failed":
        failure = ElementTree.SubElement(
            case,
            "failure",
            {"message": _text(outcome.detail), "type": f"exit code {int(outcome.exit_code)}"},
        )
        findings = outcome.ledger.findings if outcome.ledger else ()
        failure.text = _text(
            "\n".join(f"{one.policy} {one.address}: {one.verdict}: {one.message}" for one in findings)
            or outcome.diagnostics
            or outcome.hint
            or outcome.detail
        )
    if outcome.said:
        ElementTree.SubElement(case, "system-out").text = _text(outcome.said)


def _case(stack: str, name: str, seconds: float) -> dict[str, str]:
    return {"classname": _text(stack), "name": name, "time": f"{seconds:.3f}"}


def _text(text: str) -> str:
    """Masked here, because XML writes secrets otherwise; it has no way to write most control characters."""
    return "".join(char if char in "\t\n" or (char.isprintable()) else " " for char in MASK.text(text))
