"""Policies, their examples and what became of those, as JSON."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import orjson

from tapstack.gate.examples import Examples, Outcome
from tapstack.gate.policy import Policy
from tapstack.report.policy_facts import InForce, area_of, parameters


def listed(policies: Sequence[type[Policy]], in_force: InForce, errors: Sequence[str]) -> str:
    """Every policy in short, and why others can't be asked: schema tap.policies/1."""
    rows = [_summary(policy, in_force) for policy in policies]
    return _text({"schema": "tap.policies/1", "policies": rows, "errors": errors})


def shown(policy: type[Policy], examples: Examples, in_force: InForce) -> str:
    """One policy with all it says of itself: schema tap.policy/1."""
    return _text(
        {
            "schema": "tap.policy/1",
            **_summary(policy, in_force),
            "rationale": policy.rationale,
            "remediation": policy.remediation,
            "references": policy.references,
            "parameters": [
                {
                    "name": one.name,
                    "type": one.type,
                    "default": one.default,
                    "value": one.value,
                    "source": one.source,
                }
                for one in parameters(policy, in_force)
            ],
            "examples": [
                {"file": os.path.relpath(file.path), "shows": file.shows, "text": file.text}
                for file in examples.files
            ],
        }
    )


def tested(outcomes: Sequence[Outcome], problems: Sequence[str]) -> str:
    """What policies said of their examples: schema tap.policies.test/1."""
    examples = [
        {
            "policy": one.policy.id,
            "address": result.address,
            "ok": result.ok,
            "expected": result.expected,
            "actual": result.actual,
            "message": result.message,
            "file": result.file,
            "line": result.line,
        }
        for one in outcomes
        for result in one.results
    ]
    return _text(
        {
            "schema": "tap.policies.test/1",
            "policies": len(outcomes),
            "examples": examples,
            "problems": problems,
        }
    )


def made(id_: str, name: str, files: Sequence[str]) -> str:
    """A policy that was written: schema tap.policies.new/1."""
    return _text({"schema": "tap.policies.new/1", "id": id_, "name": name, "files": files})


def _summary(policy: type[Policy], in_force: InForce) -> dict[str, Any]:
    held = parameters(policy, in_force)
    values = {one.name: one.value for one in held}
    return {
        "id": policy.id,
        "name": policy.name,
        "area": area_of(policy),
        "title": policy.title,
        "severity": values["severity"],
        "enforcement": values["enforcement"],
        "waivable": policy.waivable,
        "resource_types": policy.resource_types,
        "disabled": in_force.is_disabled(policy),
        "changed": {one.name: {"value": one.value, "source": one.source} for one in held if one.is_changed},
    }


def _text(document: dict[str, Any]) -> str:
    # tap.toml may hold a date where a parameter takes none.
    return orjson.dumps(document, option=orjson.OPT_INDENT_2, default=str).decode()
