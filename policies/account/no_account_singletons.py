"""An application stack leaves alone what an account has only one of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed
from tapstack.model.stack import Resource, Stack

_Type = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*_[a-z0-9_]+$")]


@dataclass(frozen=True, slots=True)
class _Singleton:
    """What there is one of, of what ("an account and region"), and where AWS says so."""

    thing: str
    of: str
    reference: str


_ACCOUNT: Final = "an account"
_REGION: Final = "an account and region"
_DOCS: Final = "https://docs.aws.amazon.com"


def _one(of: str, page: str, **things: str) -> dict[str, _Singleton]:
    return {f"aws_{type_}": _Singleton(thing, of, f"{_DOCS}/{page}") for type_, thing in things.items()}


# Each page states the quota of one, or that the setting is the account's (or the account's in that region).
SINGLETONS: Final[Mapping[str, _Singleton]] = {
    **_one(
        _REGION,
        "config/latest/developerguide/configlimits.html",
        config_configuration_recorder="configuration recorder",
        config_configuration_recorder_status="configuration recorder",
        config_delivery_channel="delivery channel",
        config_retention_configuration="retention configuration of AWS Config",
    ),
    **_one(
        _REGION,
        "guardduty/latest/ug/guardduty_limits.html",
        guardduty_detector="GuardDuty detector",
        guardduty_organization_admin_account="GuardDuty administrator",
        guardduty_organization_configuration="GuardDuty configuration of the organization",
    ),
    **_one(
        _REGION,
        "securityhub/latest/userguide/securityhub-settingup.html",
        securityhub_account="Security Hub subscription",
        securityhub_organization_admin_account="Security Hub administrator",
        securityhub_organization_configuration="Security Hub configuration of the organization",
    ),
    **_one(
        _REGION,
        "macie/latest/user/getting-started.html",
        macie2_account="Macie session",
        macie2_organization_admin_account="Macie administrator",
        macie2_classification_export_configuration="repository of Macie's discovery results",
    ),
    **_one(
        _REGION,
        "inspector/latest/user/getting_started_tutorial.html",
        inspector2_enabler="activation of Inspector",
        inspector2_delegated_admin_account="Inspector administrator",
        inspector2_organization_configuration="Inspector configuration of the organization",
    ),
    **_one(_REGION, "detective/latest/userguide/regions-limitations.html", detective_graph="behavior graph"),
    **_one(
        _ACCOUNT,
        "AmazonS3/latest/userguide/configuring-block-public-access-account.html",
        s3_account_public_access_block="public access block of S3",
    ),
    **_one(_ACCOUNT, "IAM/latest/UserGuide/console-account-alias.html", iam_account_alias="account alias"),
    **_one(
        _ACCOUNT,
        "IAM/latest/UserGuide/id_credentials_passwords_account-policy.html",
        iam_account_password_policy="password policy",  # noqa: S106 - the name of a type
    ),
    **_one(
        _ACCOUNT,
        "IAM/latest/UserGuide/id_credentials_temp_enable-regions.html",
        iam_security_token_service_preferences="token version of STS",  # noqa: S106 - the name of a type
    ),
    **_one(
        _REGION,
        "ebs/latest/userguide/encryption-by-default.html",
        ebs_encryption_by_default="default encryption of EBS",
        ebs_default_kms_key="default key of EBS",
    ),
    **_one(
        _REGION,
        "ebs/latest/userguide/block-public-access-snapshots.html",
        ebs_snapshot_block_public_access="public access block of snapshots",
    ),
    **_one(
        _REGION,
        "AWSEC2/latest/UserGuide/block-public-access-to-amis.html",
        ec2_image_block_public_access="public access block of images",
    ),
    **_one(
        _REGION,
        "AWSEC2/latest/UserGuide/configure-access-to-serial-console.html",
        ec2_serial_console_access="access to serial consoles",
    ),
    **_one(
        _REGION,
        "AWSEC2/latest/UserGuide/configuring-IMDS-new-instances.html",
        ec2_instance_metadata_defaults="set of defaults of instance metadata",
    ),
    **_one(_REGION, "vpc/latest/userguide/default-vpc.html", default_vpc="default VPC"),
    **_one(
        _REGION,
        "vpc/latest/userguide/security-vpc-bpa.html",
        vpc_block_public_access_options="public access block of VPCs",
    ),
    **_one(
        _REGION,
        "apigateway/latest/developerguide/set-up-logging.html",
        api_gateway_account="role with which API Gateway writes logs",
    ),
    **_one(
        _REGION,
        "AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html",
        cloudwatch_log_account_policy="account-level log policy of its type",
    ),
    **_one(
        _REGION,
        "xray/latest/devguide/xray-console-encryption.html",
        xray_encryption_config="encryption setting of X-Ray",
    ),
    **_one(
        _REGION,
        "emr/latest/ManagementGuide/emr-block-public-access.html",
        emr_block_public_access_configuration="public access block of EMR",
    ),
    **_one(
        _REGION,
        "AmazonECR/latest/userguide/Registries.html",
        ecr_account_setting="account setting of ECR",
        ecr_registry_policy="policy of the private registry",
        ecr_registry_scanning_configuration="scanning configuration of the private registry",
        ecr_replication_configuration="replication configuration of the private registry",
    ),
    **_one(
        _REGION,
        "AmazonECS/latest/developerguide/ecs-account-settings.html",
        ecs_account_setting_default="default of an ECS account setting",
    ),
    **_one(
        _REGION,
        "glue/latest/dg/encrypt-glue-data-catalog.html",
        glue_data_catalog_encryption_settings="encryption setting of the Data Catalog",
    ),
    **_one(
        _REGION,
        "glue/latest/dg/security_iam_resource-based-policy-examples.html",
        glue_resource_policy="policy of the Data Catalog",
    ),
    **_one(
        _REGION,
        "lake-formation/latest/dg/initial-lf-config.html",
        lakeformation_data_lake_settings="set of data lake settings",
    ),
    **_one(
        _REGION,
        "ses/latest/dg/receiving-email-receipt-rules-console-walkthrough.html",
        ses_active_receipt_rule_set="active receipt rule set",
    ),
    **_one(
        _REGION,
        "ses/latest/dg/sending-email-suppression-list.html",
        sesv2_account_suppression_attributes="suppression list of SES",
    ),
    **_one(_REGION, "sns/latest/dg/sms_preferences.html", sns_sms_preferences="set of SMS preferences"),
    **_one(
        _REGION,
        "bedrock/latest/userguide/model-invocation-logging.html",
        bedrock_model_invocation_logging_configuration="log of model invocations",
    ),
    **_one(
        _REGION,
        "aws-backup/latest/devguide/assigning-resources.html",
        backup_region_settings="set of resource types that AWS Backup covers",
    ),
    **_one(
        _ACCOUNT,
        "aws-backup/latest/devguide/manage-cross-account.html",
        backup_global_settings="set of global settings of AWS Backup",
    ),
    **_one(
        _ACCOUNT,
        "accounts/latest/reference/manage-acct-update-contact.html",
        account_alternate_contact="alternate contact of its type",
        account_primary_contact="primary contact",
    ),
    **_one(
        _ACCOUNT,
        "organizations/latest/userguide/orgs_reference_limits.html",
        organizations_organization="organization",
    ),
    **_one(
        _ACCOUNT, "waf/latest/developerguide/enable-ddos-prem.html", shield_subscription="Shield subscription"
    ),
}


class NoAccountSingletons(Policy):
    """No resource of `types`, except of those in `allow`."""

    id = "CKV_TAP_701"
    name = "no_account_singletons"
    title = "Application stacks own nothing that an account has only one of"
    severity = Severity.HIGH
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("*",)
    rationale = (
        "A second stack that brings the same recorder, detector or password policy fails at apply, or takes over "
        "the first one's; and destroying the stack switches it off for everybody in the account. Such resources "
        "belong to a stack of the account's own."
    )
    remediation = (
        "# Take the resource out, and look it up where the stack needs it:\n"
        'data "aws_guardduty_detector" "account" {}'
    )
    references = (
        "https://docs.aws.amazon.com/config/latest/developerguide/configlimits.html",
        "https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_limits.html",
        "https://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html",
    )

    class Parameters(Policy.Parameters):
        """Types that are forbidden, and those of them that this stack may own all the same."""

        types: tuple[_Type, ...] = tuple(SINGLETONS)
        allow: tuple[_Type, ...] = ()

        @model_validator(mode="after")
        def _allow_is_of_types(self) -> Self:
            if strange := [type_ for type_ in self.allow if type_ not in self.types]:
                raise ValueError(f"allow has {', '.join(strange)}, which types does not forbid")
            return self

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:  # noqa: ARG002
        """Whether the type is one of those that are forbidden."""
        type_ = resource.type
        if type_ not in self.parameters.types:
            yield passed(f"{type_} is nothing that an account has only one of.", "type", type_)
        elif type_ in self.parameters.allow:
            yield passed(f"This stack may own the account's {type_}.", "type", type_)
        else:
            yield failed(_words(type_), "type", actual=type_, expected="a stack of the account's own")


def _words(type_: str) -> str:
    known = SINGLETONS.get(type_)
    if known is None:
        return f"{type_} belongs to the whole account, and not to an application stack."
    return (
        f"There is one {known.thing} to {known.of}: another stack that has it collides with this one, and "
        f"destroying this one changes it for everybody ({known.reference})."
    )
