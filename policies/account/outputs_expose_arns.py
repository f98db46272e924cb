"""What holds data or permissions can be found from outside: its ARN or name is an output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Final

from pydantic import Field

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
from tapstack.model.stack import Output, Resource, Stack

_Type = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*_[a-z0-9_]+$")]

# Attributes that name the resource, from each type's page in the provider's documentation:
# https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/dynamodb_table and so on.
_IDENTITIES: Final[Mapping[str, frozenset[str]]] = {
    "aws_dynamodb_table": frozenset({"arn", "id", "name"}),
    "aws_s3_bucket": frozenset({"arn", "bucket", "id"}),
    "aws_kms_key": frozenset({"arn", "id", "key_id"}),
    "aws_lambda_function": frozenset({"arn", "function_name", "id", "invoke_arn", "qualified_arn"}),
    "aws_sns_topic": frozenset({"arn", "id", "name"}),
    "aws_sqs_queue": frozenset({"arn", "id", "name", "url"}),
    "aws_kinesis_stream": frozenset({"arn", "id", "name"}),
    "aws_kinesis_firehose_delivery_stream": frozenset({"arn", "id", "name"}),
    "aws_iam_role": frozenset({"arn", "id", "name"}),
}
_OF_ANY: Final = frozenset({"arn", "id", "name"})

# What must not be read in an output: the attributes that the provider marks as sensitive (Terraform asks for
# `sensitive` itself, unless `nonsensitive` talks it out of that), and a function's environment, which it doesn't.
_SECRETS: Final[Mapping[str, frozenset[str]]] = {
    "aws_api_gateway_api_key": frozenset({"value"}),
    "aws_appsync_api_key": frozenset({"key"}),
    "aws_cognito_user_pool_client": frozenset({"client_secret"}),
    "aws_db_instance": frozenset({"password"}),
    "aws_docdb_cluster": frozenset({"master_password"}),
    "aws_elasticache_replication_group": frozenset({"auth_token"}),
    "aws_iam_access_key": frozenset({"secret", "ses_smtp_password_v4"}),
    "aws_iam_service_specific_credential": frozenset({"service_password"}),
    "aws_iam_user_login_profile": frozenset({"password"}),
    "aws_lambda_function": frozenset({"environment"}),
    "aws_rds_cluster": frozenset({"master_password"}),
    "aws_redshift_cluster": frozenset({"master_password"}),
    "aws_secretsmanager_secret_version": frozenset({"secret_binary", "secret_string"}),
    "aws_ssm_parameter": frozenset({"insecure_value", "value"}),
    "random_password": frozenset({"bcrypt_hash", "result"}),
    "tls_private_key": frozenset({"private_key_openssh", "private_key_pem", "private_key_pem_pkcs8"}),
}


class OutputsExposeArns(Policy):
    """An output carries the ARN or name of each resource of `types`; one with a secret is sensitive."""

    id = "CKV_TAP_702"
    name = "outputs_expose_arns"
    title = "Stateful resources are found through the stack's outputs"
    severity = Severity.LOW
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("*",)
    rationale = (
        "Tests, other stacks and people with an incident find a table, key or queue by its output; without one "
        "they build its name themselves, and are wrong when it changes. An output is printed and kept in plain "
        "text, so what is secret must be marked sensitive, or better not be one."
    )
    remediation = (
        'output "table_arn" {\n'
        '  description = "ARN of the table."\n'
        "  value       = aws_dynamodb_table.main.arn\n"
        "}"
    )
    references = (
        "https://developer.hashicorp.com/terraform/language/values/outputs",
        "https://docs.aws.amazon.com/prescriptive-guidance/latest/terraform-aws-provider-best-practices/"
        "structure.html",
    )

    class Parameters(Policy.Parameters):
        """Types of which every resource must be found through an output."""

        types: tuple[_Type, ...] = tuple(_IDENTITIES)

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """What outputs give away of the resource, then whether one names it."""
        index = _index(stack)
        carried = index.carried.get(resource.address, [])
        evidence = list(_given_away(resource, carried))
        if resource.type in self.parameters.types:
            evidence.append(_named(resource, carried, index.passed_on.get(resource.address)))
        yield from evidence or [not_applicable("Nobody looks for this resource by an output.")]


@dataclass(frozen=True, slots=True)
class _Index:
    """Which outputs carry which attributes of a resource, and which carry a value that was made from it."""

    carried: Mapping[str, list[tuple[Output, str]]]
    passed_on: Mapping[str, Output]


# One stack at a time is judged: its outputs are gone through once, and not again for every resource.
@lru_cache(maxsize=1)
def _index(stack: Stack) -> _Index:
    carried: dict[str, list[tuple[Output, str]]] = {}
    passed_on: dict[str, Output] = {}
    for output in stack.outputs.values():
        for reference in output.references:
            carried.setdefault(reference.resource.address, []).append((output, reference.attribute))
            if reference.resource.type == "terraform_data":
                for address in stack.dependencies(reference.resource):
                    passed_on.setdefault(address, output)
    return _Index(carried, passed_on)


def _given_away(resource: Resource, carried: Iterable[tuple[Output, str]]) -> Iterator[Evidence]:
    secrets = _SECRETS.get(resource.type, frozenset())
    for output, attribute in carried:
        first = _first(attribute)
        if first in secrets and output.sensitive:
            yield passed(f"The output {output.name} is marked sensitive.", first, "sensitive = true")
        elif first in secrets:
            yield failed(
                f"The output {output.name} shows {resource.address}.{first} to everybody who sees the outputs.",
                first,
                actual=f"output.{output.name}",
                expected="sensitive = true",
            )


def _named(resource: Resource, carried: Iterable[tuple[Output, str]], other: Output | None) -> Evidence:
    identities = _IDENTITIES.get(resource.type, _OF_ANY)
    for output, attribute in carried:
        # Without an attribute it is the whole resource, or a `for` over its instances.
        if not attribute or _first(attribute) in identities:
            return passed(f"The output {output.name} carries it.", "arn", f"output.{output.name}")
    wanted = " or ".join(sorted(identities - {"id"}))
    if other is not None:
        said = f"Whether the output {other.name} carries the {wanted} of {resource.address} is not known yet."
        return unknown(said, "arn", actual=f"output.{other.name}", expected=wanted)
    return failed(
        f"No output of the root module carries the {wanted} of {resource.address}.", "arn", expected=wanted
    )


def _first(attribute: str) -> str:
    return attribute.partition(".")[0].partition("[")[0]
