"""Judges a policy document by what its Allow statements say, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tapstack.gate.policy import Evidence, passed, unknown
from tapstack.model.policy_document import Document, Statement
from tapstack.model.values import Missing, Unknown


def judge_allowing(
    document: Document | Unknown | Missing,
    path: str,
    wrong: Callable[[Statement], Iterable[Evidence]],
    *,
    fine: str,
    expected: str,
) -> Iterator[Evidence]:
    """What `wrong` finds in each Allow statement of the document at `path`, or a PASS that says `fine`.

    A document, or a statement, that isn't known yet is UNKNOWN, and `expected` is what it should say.
    """
    if not isinstance(document, Document):
        actual = document if isinstance(document, Unknown) else None
        yield unknown("What the policy says is not known yet.", path, actual=actual, expected=expected)
        return
    evidence = [one for s in document.statements if s.effect == "Allow" for one in wrong(s)]
    if not document.complete:
        evidence.append(unknown("Not every statement of the policy is known yet.", path, expected=expected))
    yield from evidence or [passed(fine, path)]


def name_of(statement: Statement) -> str:
    """A statement as a sentence begins with it."""
    return f"Statement {statement.sid}" if statement.sid else "A statement"
