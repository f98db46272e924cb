"""Resources from what checkov hands to a check, which is less than there is: nothing is made up for the rest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Final

from tapstack.model import template
from tapstack.model.stack import Kind, Resource, Stack
from tapstack.model.values import Unknown

_META: Final = frozenset({"count", "for_each", "provider", "depends_on", "lifecycle", "dynamic"})
_META_BLOCKS: Final = frozenset({"provisioner", "connection"})
# Checkov's own entries; a plan's have no underscores in front.
_CHECKOVS: Final = frozenset({"start_line", "end_line", "references_"})
_AFTER_APPLY: Final = "true_after_unknown"
# What checkov leaves of a reference that it could not follow has lost its `${}`.
_BARE_REFERENCE: Final = re.compile(
    r"!?(?:"
    r"(?:var|local|module|data|each|count|self|path|terraform|[a-z]\w*_\w*)(?:\.[\w*-]+|\[[^\]]*\])+|[a-z]\w*\(.*\)"
    r")",
    re.DOTALL,
)
_ADDRESS: Final = re.compile(
    r'(?P<module>(?:module\.[^.\[]+(?:\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?\.)*)'
    r'(?P<type>[^.\[]+)\.(?P<name>[^.\[]+)(?:\[(?P<index>"(?:[^"\\]|\\.)*"|\d+)\])?'
)
# Attributes that are maps (or single objects) and never lists of blocks in any resource: from `terraform providers
# schema -json` of hashicorp/aws 5.100.0. Checkov's forms of a map and of one block look the same.
_ALWAYS_MAPS: Final = """
    additional_encryption_context additional_version_weights advanced_options airflow_configuration_options
    allocation_resource_tags ami_tags application_tag arguments athena_properties attribute_mapping
    authentication_request_extra_params az backup_options bounding_box client_metadata client_properties
    column_to_json_key_mappings command_line_arguments connector_configuration
    container_environment_variables context credentials_map custom_properties default_arguments
    default_run_properties driver_opts dynamic_parameters encryption_context_equals
    encryption_context_subset entity_overrides environment_variables event_configurations extra_params
    final_backup_tags global_settings group_weights hardware header_parameters hyperparameters incident_tags
    input_paths job_tags key_attributes key_modes_of_use label_set labels large_data_delivery_s3_config
    locale_specification log_destination maintenance_configuration mappings non_overridable_arguments
    parameter_overrides policy ports principal_tags profile_properties property_map query_string_parameters
    recovery_point_tags regional_parameters request_models request_parameters request_templates requests
    required_claims resource_type_management_preference resource_type_opt_in_preference response_models
    response_templates restore_metadata_overrides runtime_environment_secrets runtime_environment_variables
    session_attributes skewed_column_value_location_maps software stage_variable_overrides stage_variables
    staging_area_tags supported_login_providers table_configurations tag_map tags_all tags_to_add
    target_tags task_properties test_bot_alias_tags timeouts token_signing_public_keys
    token_url_custom_properties triggers uris validation_data values_importance_map variable_tags variables
    video_codec_options volume_tags weights
    """
# Those that are maps in some resources and blocks in others: here the form decides nothing.
_SOMETIMES_MAPS: Final = """
    attributes cloudwatch_config configuration connection_properties definition dimensions
    encryption_configuration endpoints environment limits logging_config metadata options outputs parameters
    permissions properties provider_details region resource_tags response_parameters roles s3_config
    saml_options tags user_defined_fields
    """
MAPS: Final = frozenset(_ALWAYS_MAPS.split())
MAPS_OR_BLOCKS: Final = frozenset(_SOMETIMES_MAPS.split())
_MAP_OF: Final = frozenset(
    {("aws_cloudwatch_metric_alarm", "dimensions"), ("aws_cloudwatch_log_metric_filter", "dimensions")}
)
_BLOCK_OF: Final = frozenset(
    {("aws_lambda_function", "environment"), ("aws_lambda_function", "logging_config")}
)


class NotSeen(Exception):
    """A policy asked for something that checkov does not show to a check."""


class PartialStack(Stack):
    """A stack of which one block is seen: whatever needs more of it raises NotSeen."""

    __slots__ = ()

    def __post_init__(self) -> None:
        """Index nothing."""

    def __getattribute__(self, name: str) -> Any:
        if name in _UNSEEN:
            raise NotSeen(name)
        return super().__getattribute__(name)


_UNSEEN: Final = frozenset(field.name for field in fields(Stack)) - {"kind", "default_tags", "_made"}


class _Unseen(Mapping[str, Any]):
    """A mapping that is there in the code and that checkov leaves out."""

    def __getitem__(self, key: str) -> Any:
        raise NotSeen(key)

    def __iter__(self) -> Iterator[str]:
        raise NotSeen

    def __len__(self) -> int:
        raise NotSeen


class _Planned(dict[str, Any]):
    """Attributes of a plan as checkov shows them: what is not among them is unknown; null stands there as null."""

    def get(self, key: str, _default: Any = None, /) -> Any:
        return self[key] if key in self else Unknown()


def read(conf: Mapping[str, Any], type_: str, name: str) -> tuple[Resource, Stack]:
    """The resource of checkov's form of a block, in which every attribute is a list that holds its value.

    The stack with it is a PartialStack.
    """
    planned = "__start_line__" not in conf
    form = _PlanForm(type_) if planned else _HclForm(type_)
    address = str(conf.get("__address__") or f"{type_}.{name.removeprefix(f'{type_}.')}")
    parts = _ADDRESS.fullmatch(address)
    key = type_.partition("_")[0]
    resource = Resource(
        address=address,
        type=type_,
        name=parts["name"] if parts else name,
        module=parts["module"].rstrip(".") if parts else "",
        index=json.loads(parts["index"]) if parts and parts["index"] else None,
        provider_key=key,
        values=form.attributes(conf),
        # A plan has no lifecycle arguments.
        lifecycle=_Unseen() if planned else _lifecycle(conf),
    )
    # Whether a provider adds tags is not shown either.
    kind = Kind.PLAN if planned else Kind.HCL
    return resource, PartialStack(kind, {}, {key: Unknown(("provider default_tags",))})


@dataclass(frozen=True, slots=True)
class _HclForm:
    """A block of HCL: an attribute that is not there is not set."""

    type: str

    def attributes(self, conf: Mapping[str, Any]) -> Mapping[str, Any]:
        found = {
            key: self._attribute(key, value)
            for key, value in conf.items()
            if key not in _META | _META_BLOCKS and not key.startswith("__")
        }
        for dynamic in conf.get("dynamic", ()):
            # Checkov copies the content of a dynamic block in as if it were always there, once.
            if isinstance(dynamic, Mapping):
                found.update({label: Unknown((f"dynamic {label}",)) for label in dynamic})
        return found

    def _attribute(self, name: str, value: Any) -> Any:
        if not isinstance(value, list):
            return _value(value)
        is_map = name in MAPS or name == "tags" or (self.type, name) in _MAP_OF
        if name in _json_attributes() and len(value) == 1 and isinstance(value[0], Mapping):
            return _document(value[0])
        if not is_map and value and all(_is_block(item) for item in value):
            return [
                {k: self._attribute(k, v) for k, v in item.items() if not k.startswith("__")}
                for item in value
            ]
        return _value(value[0]) if len(value) == 1 else [_value(item) for item in value]


@dataclass(frozen=True, slots=True)
class _PlanForm:
    """Planned values: null is not set, and an attribute that is not there is known after apply."""

    type: str

    def attributes(self, conf: Mapping[str, Any]) -> Mapping[str, Any]:
        return _Planned(
            (key, self._attribute(key, value))
            for key, value in conf.items()
            if key not in _CHECKOVS | _META_BLOCKS and not key.startswith("__")
        )

    def _attribute(self, name: str, value: Any) -> Any:
        if not isinstance(value, list) or not value:
            return self._plain(value)
        if not isinstance(value[0], Mapping):
            return self._plain(value[0]) if len(value) == 1 else [self._plain(item) for item in value]
        if name in _json_attributes():
            return _document(value[0])
        if len(value) > 1 or (self.type, name) in _BLOCK_OF:
            return self._blocks(value)
        if name in MAPS or name == "tags" or (self.type, name) in _MAP_OF:
            return self._map(value[0])
        return Unknown((name,)) if name in MAPS_OR_BLOCKS else self._blocks(value)

    def _blocks(self, value: list[Any]) -> list[Any]:
        return [self.attributes(item) if isinstance(item, Mapping) else self._plain(item) for item in value]

    def _map(self, value: Mapping[str, Any]) -> Any:
        # Checkov leaves out the elements that are not known, and says so only where all are left.
        found = _Planned(
            (key, self._plain(item[0] if isinstance(item, list) and len(item) == 1 else item))
            for key, item in value.items()
            if key not in _CHECKOVS and not key.startswith("__")
        )
        return found or Unknown()

    def _plain(self, value: Any) -> Any:
        if isinstance(value, list):
            return [Unknown() if item is None else self._plain(item) for item in value]
        if isinstance(value, Mapping):
            return self._map(value)
        return _value(value)


def _lifecycle(conf: Mapping[str, Any]) -> Mapping[str, Any]:
    block = next((item for item in conf.get("lifecycle", ()) if isinstance(item, Mapping)), {})
    return {
        key: _value(value[0] if isinstance(value, list) and len(value) == 1 else value)
        for key, value in block.items()
        if not key.startswith("__")
    }


@cache
def _json_attributes() -> frozenset[str]:
    """Attributes that hold JSON, which checkov parses in a plan, and in HCL where `jsonencode` makes it."""
    from checkov.terraform.plan_parser import RESOURCE_TYPES_JSONIFY

    return frozenset(RESOURCE_TYPES_JSONIFY.values())


def _document(value: Mapping[str, Any]) -> Any:
    """The JSON text that was parsed; Unknown where it holds a reference that was not followed."""
    document = _value(value)
    found = tuple(dict.fromkeys(_references_in(document)))
    return Unknown(found) if found else json.dumps(document)


def _references_in(value: Any) -> Iterator[str]:
    if isinstance(value, Unknown):
        yield from value.references or (str(value),)
    elif isinstance(value, (Mapping, list)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _references_in(item)


def _is_block(value: Any) -> bool:
    """A block's attributes are lists; those of an object are not."""
    return isinstance(value, Mapping) and all(
        isinstance(item, list) for key, item in value.items() if not key.startswith("__")
    )


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _value(item) for key, item in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [_value(item) for item in value]
    if not isinstance(value, str):
        return value
    if value == _AFTER_APPLY:
        return Unknown()
    if "${" in value or "%{" in value:
        return Unknown(template.references(value))
    if _BARE_REFERENCE.fullmatch(value):
        return Unknown(template.references(f"${{{value}}}"))
    return value
