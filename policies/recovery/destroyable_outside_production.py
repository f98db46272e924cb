"""What is for trying out goes away without a trace; what is production doesn't go away by mistake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from tapstack.model.values import Unknown, as_bool, is_unset


@dataclass(frozen=True, slots=True)
class _Guard:
    """An attribute that decides whether a resource can be deleted, and its value for yes and for no.

    `unset` is what AWS or the provider takes where it isn't set.
    """

    attribute: str
    destroyable: Any
    kept: Any
    unset: Any


def _protection(attribute: str, *types: str, unset: Any = False) -> dict[str, _Guard]:
    return {type_: _Guard(attribute, destroyable=False, kept=True, unset=unset) for type_ in types}


def _force(attribute: str, *types: str) -> dict[str, _Guard]:
    return {type_: _Guard(attribute, destroyable=True, kept=False, unset=False) for type_ in types}


# Arguments and defaults from each resource's page in the provider's documentation:
# https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/dynamodb_table and so on. Only
# those `force_` arguments are here without which AWS refuses to delete what is not empty.
_GUARDS: Final[Mapping[str, _Guard]] = {
    **_protection(
        "deletion_protection_enabled",
        "aws_dsql_cluster",
        "aws_dynamodb_table",
        "aws_dynamodb_table_replica",
        "aws_pinpointsmsvoicev2_phone_number",
    ),
    **_protection(
        "deletion_protection",
        "aws_db_instance",
        "aws_docdb_cluster",
        "aws_docdb_global_cluster",
        "aws_neptune_cluster",
        "aws_neptune_global_cluster",
        "aws_rds_cluster",
        "aws_rds_global_cluster",
    ),
    **_protection("deletion_protection", "aws_neptunegraph_graph", "aws_qldb_ledger", unset=True),
    **_protection("enable_deletion_protection", "aws_alb", "aws_lb"),
    **_protection("delete_protection", "aws_networkfirewall_firewall"),
    **_protection("termination_protection_enabled", "aws_cloudtrail_event_data_store", unset=True),
    **_protection("termination_protection", "aws_emr_cluster"),
    **_protection("disable_api_termination", "aws_instance"),
    "aws_cognito_user_pool": _Guard("deletion_protection", "INACTIVE", "ACTIVE", "INACTIVE"),
    **_force(
        "force_destroy",
        "aws_athena_database",
        "aws_athena_workgroup",
        "aws_backup_vault",
        "aws_ecrpublic_repository",
        "aws_iam_user",
        "aws_route53_zone",
        "aws_s3_bucket",
        "aws_s3_directory_bucket",
        "aws_service_discovery_service",
        "aws_transfer_server",
    ),
    **_force("force_delete", "aws_ecr_repository", "aws_lightsail_bucket"),
    **_force("enforce_consumer_deletion", "aws_kinesis_stream"),
}
_PREVENT = "lifecycle.prevent_destroy"


class DestroyableOutsideProduction(Policy):
    """Nothing stands in the way of `terraform destroy`, or everything does where it is production."""

    id = "CKV_TAP_204"
    name = "destroyable_outside_production"
    title = "Resources can be destroyed outside production, and are protected in it"
    severity = Severity.MEDIUM
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("*",)
    rationale = (
        "A test environment that can't be destroyed is paid for until somebody does it by hand; a production "
        "table that can be is one wrong command from being gone. The same code serves both, so the switch is a "
        "variable: `prevent_destroy`, which can't be one, is left out."
    )
    remediation = 'deletion_protection_enabled = var.environment == "prod"'
    references = (
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
        "WorkingWithTables.Basics.html#WorkingWithTables.Basics.DeletionProtection",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-bucket.html",
        "https://developer.hashicorp.com/terraform/language/meta-arguments/lifecycle#prevent_destroy",
    )

    class Parameters(Policy.Parameters):
        """Whether this environment may be destroyed: `environments.<name>.destroyable` of tap.toml."""

        destroyable: bool = True

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:  # noqa: ARG002
        """What Terraform's lifecycle says, then the argument of this type, if it has one."""
        evidence = [*self._lifecycle(resource), *self._guarded(resource)]
        yield from evidence or [not_applicable("Nothing of this resource decides whether it can be deleted.")]

    def _lifecycle(self, resource: Resource) -> Iterable[Evidence]:
        value = as_bool(resource.lifecycle.get("prevent_destroy"))
        if value is not True:
            return
        if self.parameters.destroyable:
            yield failed(
                "Terraform refuses to destroy this resource, in every environment.",
                _PREVENT,
                actual=True,
                expected=False,
            )
        else:
            yield passed("Terraform refuses to destroy this resource.", _PREVENT, True)

    def _guarded(self, resource: Resource) -> Iterable[Evidence]:
        guard = _GUARDS.get(resource.type)
        if guard is None:
            return
        wanted = guard.destroyable if self.parameters.destroyable else guard.kept
        value = as_bool(resource.get(guard.attribute))
        if isinstance(value, Unknown) and not value.computed:
            yield unknown(
                "Whether this resource can be deleted is not known yet.",
                guard.attribute,
                actual=value,
                expected=wanted,
            )
            return
        actual = guard.unset if is_unset(value) else value
        if actual == wanted:
            yield passed(f"{guard.attribute} is {_word(actual)}.", guard.attribute, actual)
        else:
            yield failed(
                self._wrong(guard, actual, is_unset(value)), guard.attribute, actual=actual, expected=wanted
            )

    def _wrong(self, guard: _Guard, actual: Any, unset: bool) -> str:
        said = f"{guard.attribute} is {_word(actual)}{' where it is not set' if unset else ''}"
        if not self.parameters.destroyable:
            return f"{said}: this environment must be protected, and one command could delete this."
        if guard.destroyable is True:
            return f"{said}: once there is something in it, it can't be destroyed."
        return f"{said}: it can't be destroyed, although this environment must be."


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
