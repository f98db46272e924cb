"""Reads Terraform's JSON syntax (`*.tf.json`) into what HCL is read into.

https://developer.hashicorp.com/terraform/language/syntax/json. Only a provider's schema tells an object that is a
map from one that is a block; the names of maps come from the schema of hashicorp/aws 5.100.0
(`terraform providers schema -json`), everything else is a block.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

# Attributes that are maps or objects, and never blocks but for `tags`, of a few types without taggable blocks.
_MAPS: Final = frozenset(
    """
    additional_encryption_context additional_version_weights advanced_options
    airflow_configuration_options allocation_resource_tags ami_tags arguments athena_properties
    attribute_mapping authentication_request_extra_params backup_options client_metadata
    client_properties column_to_json_key_mappings command_line_arguments connector_configuration
    container_environment_variables credentials_map custom_properties default_arguments
    default_run_properties driver_opts dynamic_parameters encryption_context_equals
    encryption_context_subset entity_overrides environment_variables event_configurations
    expression_attribute_names extra_params final_backup_tags global_settings group_weights
    header_parameters hyperparameters incident_tags input_paths instance_tags job_tags label_set
    labels locale_specification log_destination maintenance_configuration mappings
    non_overridable_arguments parameter_overrides ports principal_tags profile_properties
    property_map provider_details query_string_parameters recovery_point_tags regional_parameters
    request_models request_parameters request_templates requests required_claims
    resource_type_management_preference resource_type_opt_in_preference response_models
    response_templates restore_metadata_overrides roles runtime_environment_secrets
    runtime_environment_variables session_attributes skewed_column_value_location_maps
    stage_variable_overrides stage_variables staging_area_tags supported_login_providers
    table_configurations tag_map tags tags_all tags_to_add target_tags task_properties
    test_bot_alias_tags token_signing_public_keys token_url_custom_properties triggers
    validation_data values_importance_map variable_tags variables video_codec_options volume_tags
    weights
    """.split()  # noqa: SIM905 - one name after the other is what can be read
)
# Attributes that are maps in these types, and blocks in others.
_MAPS_OF_TYPES: Final = frozenset(
    """
    aws_api_gateway_export.parameters aws_api_gateway_gateway_response.response_parameters
    aws_api_gateway_integration_response.response_parameters
    aws_api_gateway_method_response.response_parameters aws_api_gateway_rest_api.parameters
    aws_api_gateway_rest_api_put.parameters aws_api_gateway_sdk.parameters
    aws_appconfig_extension_association.parameters aws_appmesh_virtual_node.attributes
    aws_athena_data_catalog.parameters aws_athena_database.properties
    aws_autoscalingplans_scaling_plan.dimensions aws_batch_job_definition.limits
    aws_batch_job_definition.parameters aws_cloudformation_stack.parameters
    aws_cloudformation_stack_set.parameters aws_cloudwatch_log_metric_filter.dimensions
    aws_cloudwatch_metric_alarm.dimensions aws_codepipeline.configuration
    aws_cognito_user.attributes aws_customerprofiles_profile.attributes
    aws_ecr_repository_creation_template.resource_tags aws_ecs_service.options
    aws_ecs_task_definition.properties aws_emr_cluster.properties aws_emr_instance_fleet.properties
    aws_emrcontainers_job_template.properties aws_fis_experiment_template.parameters
    aws_fms_policy.resource_tags aws_glue_catalog_database.parameters
    aws_glue_catalog_table.parameters aws_glue_connection.connection_properties
    aws_glue_partition.parameters aws_imagebuilder_infrastructure_configuration.resource_tags
    aws_iot_thing.attributes aws_iot_thing_group.attributes aws_kms_ciphertext.context
    aws_kms_secret.context aws_kms_secrets.context aws_lakeformation_data_lake_settings.parameters
    aws_lambda_event_source_mapping.endpoints
    aws_lightsail_container_service_deployment_version.environment aws_pipes_pipe.parameters
    aws_s3_bucket_object.metadata aws_s3_object.metadata aws_s3_object_copy.metadata
    aws_s3tables_table.encryption_configuration aws_s3tables_table_bucket.encryption_configuration
    aws_sagemaker_data_quality_job_definition.environment aws_sagemaker_model.environment
    aws_securityhub_automation_rule.user_defined_fields
    aws_serverlessapplicationrepository_cloudformation_stack.parameters
    aws_service_discovery_instance.attributes aws_ssm_association.parameters
    aws_ssm_document.permissions aws_ssmquicksetup_configuration_manager.parameters
    aws_xray_sampling_rule.attributes
    """.split()  # noqa: SIM905
)
_LABELS: Final = {
    "resource": 2,
    "data": 2,
    "ephemeral": 2,
    "module": 1,
    "provider": 1,
    "variable": 1,
    "output": 1,
    "check": 1,
}
_INNER_LABELS: Final = {"backend": 1, "dynamic": 1, "provisioner": 1, "provider_meta": 1}
# Bodies without blocks: an object in them is a value.
_FLAT: Final = frozenset({"locals", "variable", "output", "module", "required_providers"})
_COMMENT: Final = "//"


@dataclass(frozen=True, slots=True)
class JsonBlock:
    """One block: its attributes as the JSON says them, and the blocks inside."""

    type: str
    labels: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    blocks: tuple[JsonBlock, ...] = ()


def read_json(text: str) -> list[JsonBlock]:
    """The top-level blocks of a file. Raises ValueError with a clause that says what is wrong."""
    try:
        document = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return [
        block
        for body in _objects(document)
        for kind, value in body.items()
        if kind != _COMMENT
        for block in _blocks(kind, value, _LABELS.get(kind, 0), kind)
    ]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result and key != _COMMENT:
            raise ValueError(f"{key} is there twice in one object")
        result[key] = value
    return result


def _objects(value: Any) -> list[dict[str, Any]]:
    objects = value if isinstance(value, list) else [value]
    if not all(isinstance(one, dict) for one in objects):
        raise ValueError("an object is missing where a block must stand")
    return objects


def _blocks(kind: str, value: Any, labels: int, type_: str) -> Iterator[JsonBlock]:
    """The blocks that an object, or a list of objects, makes; each label is one level of objects."""
    for names, body in _labelled(value, labels, ()):
        yield _block(kind, names, body, names[0] if names and type_ == kind else type_)


def _labelled(
    value: Any, labels: int, names: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for one in _objects(value):
        if not labels:
            yield names, one
            continue
        for name, below in one.items():
            if name != _COMMENT:
                yield from _labelled(below, labels - 1, (*names, name))


def _block(kind: str, labels: tuple[str, ...], body: Mapping[str, Any], type_: str) -> JsonBlock:
    attributes: dict[str, Any] = {}
    blocks: list[JsonBlock] = []
    for name, value in body.items():
        if name == _COMMENT:
            continue
        if kind not in _FLAT and _is_block(name, value, type_):
            blocks += _blocks(name, value, _INNER_LABELS.get(name, 0), type_)
        else:
            attributes[name] = _ARGUMENTS.get(name, _same)(value)
    return JsonBlock(kind, labels, attributes, tuple(blocks))


def _is_block(name: str, value: Any, type_: str) -> bool:
    if name in _MAPS or name == "providers" or f"{type_}.{name}" in _MAPS_OF_TYPES:
        return False
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)
    )


def _same(value: Any) -> Any:
    return value


def _references(value: Any) -> Any:
    """References are written bare in JSON, as code in HCL."""
    if isinstance(value, list):
        return [_references(item) for item in value]
    return f"${{{value}}}" if isinstance(value, str) and "${" not in value else value


_ARGUMENTS: Final[Mapping[str, Callable[[Any], Any]]] = {"depends_on": _references, "provider": _references}
