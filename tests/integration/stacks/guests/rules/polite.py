"""A greeting is polite."""

from collections.abc import Iterable

from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed
from tapstack.model.stack import Resource, Stack

RUDE = frozenset({"oi"})


class Polite(Policy):
    """A guest's greeting is none of the rude ones."""

    id = "ACME_1"
    name = "polite"
    title = "Guests are greeted politely"
    severity = Severity.LOW
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("terraform_data",)
    rationale = "A guest who is shouted at does not come again."
    remediation = 'input = "hello"'
    references = ("https://example.org/manners",)

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:  # noqa: ARG002
        if resource.get("input") in RUDE:
            yield failed("A rude greeting.", "input")
        else:
            yield passed("A polite greeting.", "input")
