"""State that counts is kept where one run at a time writes it, and nobody reads it by accident."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tapstack.gate.policy import (
    Enforcement,
    Evidence,
    Policy,
    Severity,
    failed,
    not_applicable,
    passed,
    unknown,
)
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import MISSING, Unknown, as_bool, is_unset

_TYPE: Final = "type"


@dataclass(frozen=True, slots=True)
class _Backend:
    """What a type of backend does of itself, and which arguments make it do the rest.

    `locks` and `encrypts` name arguments any of which switches it on (`use_lockfile = true`, a table's name);
    True where it always does, None where nothing that Terraform knows tells. `on_by_default` are arguments that
    count where they aren't set. Without an argument of `required` the rest of the configuration is given at
    `terraform init`.
    """

    locks: tuple[str, ...] | bool | None
    encrypts: tuple[str, ...] | bool | None
    required: tuple[str, ...] = ()
    on_by_default: tuple[str, ...] = ()


# Each from its page below https://developer.hashicorp.com/terraform/language/backend. Google Cloud Storage and
# Azure Storage encrypt everything that they keep:
# https://cloud.google.com/storage/docs/encryption/default-keys
# https://learn.microsoft.com/azure/storage/common/storage-service-encryption
# and HCP Terraform does with state:
# https://developer.hashicorp.com/terraform/cloud-docs/architectural-details/data-security
_BACKENDS: Final[Mapping[str, _Backend]] = {
    "s3": _Backend(("use_lockfile", "dynamodb_table"), ("encrypt",), ("bucket", "key")),
    "azurerm": _Backend(True, True),
    "gcs": _Backend(True, True),
    "cloud": _Backend(True, True),
    "remote": _Backend(True, True),
    "oss": _Backend(("tablestore_table",), ("encrypt",), ("bucket",)),
    "cos": _Backend(True, ("encrypt",), ("bucket",), ("encrypt",)),
    "http": _Backend(("lock_address",), None, ("address",)),
    "consul": _Backend(("lock",), False, ("path",), ("lock",)),
    "pg": _Backend(True, None),
    "kubernetes": _Backend(True, None),
}


class StateIsLockedAndEncrypted(Policy):
    """The backend is remote, encrypts what it keeps, and locks it."""

    id = "CKV_TAP_703"
    name = "state_is_locked_and_encrypted"
    title = "The state of a real environment is remote, encrypted and locked"
    severity = Severity.HIGH
    enforcement = Enforcement.HARD_MANDATORY
    waivable = True
    # Not a type of Terraform's: the backend of the stack, asked about like a resource.
    resource_types = ("terraform_backend",)
    rationale = (
        "State holds every attribute in plain text, secrets included. Kept on one machine it is lost with it; "
        "written by two runs at once it forgets resources that exist; unencrypted it is read by whoever reads "
        "the disk."
    )
    remediation = (
        "terraform {\n"
        '  backend "s3" {\n'
        '    bucket       = "acme-terraform-state"\n'
        '    key          = "orders/terraform.tfstate"\n'
        '    region       = "us-east-1"\n'
        "    encrypt      = true\n"
        "    use_lockfile = true\n"
        "  }\n"
        "}"
    )
    references = (
        "https://developer.hashicorp.com/terraform/language/backend/s3",
        "https://developer.hashicorp.com/terraform/language/state/locking",
        "https://developer.hashicorp.com/terraform/language/state/sensitive-data",
    )

    class Parameters(Policy.Parameters):
        """Whether the environment is tap's sandbox, whose state is thrown away with it; set by the gate."""

        sandbox: bool = False

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:  # noqa: ARG002
        """Whether the backend is remote at all, then whether it encrypts and locks."""
        if self.parameters.sandbox:
            yield not_applicable("The sandbox's state is thrown away with the sandbox.")
        else:
            yield from _judge(resource)


def _judge(resource: Resource) -> Iterator[Evidence]:
    type_ = resource.get(_TYPE)
    if isinstance(type_, Unknown):
        yield unknown("Which backend keeps the state is not known.", _TYPE, actual=type_)
        return
    if type_ is MISSING or type_ == "local":
        yield failed(
            "The state is kept in a file on the machine that runs Terraform.",
            _TYPE,
            actual="local",
            expected="a remote backend",
        )
        return
    backend = _BACKENDS.get(type_)
    if backend is None:
        yield unknown(
            f"What the backend {type_} does is not known here.",
            _TYPE,
            actual=type_,
            expected="a known backend",
        )
        return
    yield passed(f"The state is kept by {type_}.", _TYPE, type_)
    yield _does(resource, backend, backend.encrypts, "encrypt")
    yield _does(resource, backend, backend.locks, "lock")


def _does(
    resource: Resource, backend: _Backend, arguments: tuple[str, ...] | bool | None, verb: str
) -> Evidence:
    type_ = resource.get(_TYPE)
    if arguments is True:
        return passed(f"{type_} {verb}s state by itself.", _TYPE, type_)
    if arguments is False:
        return failed(
            f"{type_} does not {verb} state.", _TYPE, actual=type_, expected=f"a backend that {verb}s"
        )
    if arguments is None:
        return unknown(
            f"Whether {type_} {verb}s state is decided where it runs, and not in the configuration.",
            _TYPE,
            actual=type_,
            expected=f"a backend that {verb}s",
        )
    return _by_argument(resource, backend, arguments, verb)


def _by_argument(resource: Resource, backend: _Backend, arguments: tuple[str, ...], verb: str) -> Evidence:
    values = {name: _value(resource, name, backend) for name in arguments}
    on = next((name for name, value in values.items() if _is_on(value)), None)
    if on is not None:
        return passed(f"{on} makes the backend {verb} state.", on, values[on])
    expected = " or ".join(arguments)
    missing = [name for name in backend.required if is_unset(resource.get(name))]
    open_ = next((name for name, value in values.items() if isinstance(value, Unknown)), None)
    unset = [name for name, value in values.items() if value is MISSING]
    if open_ is not None or (missing and unset):
        why = f"{open_} is not known" if open_ else f"{', '.join(missing)} and the rest are given at init"
        return unknown(
            f"Whether the backend {verb}s state is not known: {why}.",
            open_ or unset[0],
            actual=values[open_] if open_ else None,
            expected=expected,
        )
    return failed(
        f"The backend does not {verb} state: it needs the argument {expected}.",
        arguments[0],
        actual=None if values[arguments[0]] is MISSING else values[arguments[0]],
        expected=expected,
    )


def _value(resource: Resource, name: str, backend: _Backend) -> Any:
    value = as_bool(resource.get(name))
    return True if value is MISSING and name in backend.on_by_default else value


def _is_on(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip() not in ("", "false"))
