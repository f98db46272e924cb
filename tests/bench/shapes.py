"""Plans of unusual shapes, and plans with one fault, made of a real one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

Document = dict[str, Any]


def of(plan: Mapping[str, Any], *, small: bool) -> Iterator[tuple[str, Document]]:
    """(what it is, the plan)."""
    many = 100 if small else 10_000
    depth, modules = (3, 20) if small else (10, 1_000)
    yield f"modules, {depth} deep, {modules:,} in all", _deep(plan, depth, modules)
    yield f"a for_each of {many:,}", _for_each(plan, many)
    yield f"{many:,} log groups sharing one key", _sharing(plan, many)
    size = 50_000 if small else 5_000_000
    yield f"one policy document of {size / 1e6:g} MB", _long_policy(plan, size)


def _deep(plan: Mapping[str, Any], depth: int, modules: int) -> Document:
    """Chains of modules in modules, each with one log group."""
    made = _without_resources(plan)
    change, value, block = _one(plan, "aws_cloudwatch_log_group")
    for chain in range(modules // depth):
        config, values = made["configuration"]["root_module"], made["planned_values"]["root_module"]
        path = ""
        for level in range(depth):
            name = f"m{chain}_{level}"
            path = f"{path}.module.{name}".removeprefix(".")
            called: Document = {"resources": [{**block, "expressions": {"name": {"constant_value": name}}}]}
            config.setdefault("module_calls", {})[name] = {"source": "./m", "module": called}
            inner: Document = {"address": path, "resources": [_named(value, path, name)]}
            values.setdefault("child_modules", []).append(inner)
            made["resource_changes"].append({**_named(change, path, name), "module_address": path})
            config, values = called, inner
    return made


def _for_each(plan: Mapping[str, Any], many: int) -> Document:
    made = _without_resources(plan)
    change, value, block = _one(plan, "aws_cloudwatch_log_group")
    made["configuration"]["root_module"]["resources"] = [
        {**block, "for_each_expression": {"references": ["var.names"]}}
    ]
    for number in range(many):
        key = f"n{number}"
        address = f'{change["address"]}["{key}"]'
        made["resource_changes"].append({**_named(change, "", key), "address": address, "index": key})
        made["planned_values"]["root_module"]["resources"].append(
            {**_named(value, "", key), "address": address, "index": key}
        )
    return made


def _sharing(plan: Mapping[str, Any], many: int) -> Document:
    """The main stack with its one key, and log groups that name it."""
    made: Document = copy.deepcopy(dict(plan))
    change, value, block = _one(plan, "aws_cloudwatch_log_group")
    root = made["configuration"]["root_module"]
    for number in range(many):
        name = f"more_{number}"
        address = f"aws_cloudwatch_log_group.{name}"
        root["resources"].append({**block, "address": address, "name": name})
        made["resource_changes"].append({**_named(change, "", name), "address": address, "name": name})
        made["planned_values"]["root_module"]["resources"].append(
            {**_named(value, "", name), "address": address, "name": name}
        )
    return made


def _long_policy(plan: Mapping[str, Any], size: int) -> Document:
    """One role policy of that many bytes: more than AWS takes, which is no reason to fall over."""
    statement = {
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
        "Resource": "arn:aws:dynamodb:us-east-1:123456789012:table/acme-dev-000000",
    }
    count = size // len(orjson.dumps(statement))
    text = orjson.dumps({"Version": "2012-10-17", "Statement": [statement] * count}).decode()

    def change(after: Document) -> None:
        after["policy"] = text

    return _changed(plan, "aws_iam_role_policy", change, known="policy")


def faults(plan: Mapping[str, Any]) -> Iterator[tuple[str, Document]]:
    """(what is wrong, the plan with it)."""

    def set_(**values: Any) -> Callable[[Document], None]:
        return lambda after: after.update(values)

    yield "a key does not rotate", _changed(plan, "aws_kms_key", set_(enable_key_rotation=False))
    yield (
        "a table without point-in-time recovery",
        _changed(plan, "aws_dynamodb_table", set_(point_in_time_recovery=[{"enabled": False}])),
    )
    yield "logs kept for three days", _changed(plan, "aws_cloudwatch_log_group", set_(retention_in_days=3))
    yield (
        "a function on a runtime of the past",
        _changed(plan, "aws_lambda_function", set_(runtime="python3.7")),
    )
    wide = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    yield (
        "a role may do everything",
        _changed(plan, "aws_iam_role_policy", set_(policy=orjson.dumps(wide).decode()), known="policy"),
    )
    yield (
        "a tag that everything must have is missing",
        _changed(plan, "aws_dynamodb_table", set_(tags={}, tags_all={})),
    )


def _changed(
    plan: Mapping[str, Any], kind: str, change: Callable[[Document], None], known: str = ""
) -> Document:
    """The plan with its first resource of a type changed, in the change and in the planned values."""
    made: Document = copy.deepcopy(dict(plan))
    entry = next(one for one in made["resource_changes"] if one["type"] == kind and one["change"]["after"])
    change(entry["change"]["after"])
    entry["change"]["after_unknown"].pop(known, None)
    planned = made["planned_values"]["root_module"]["resources"]
    change(next(one for one in planned if one["address"] == entry["address"])["values"])
    return made


def _one(plan: Mapping[str, Any], kind: str) -> tuple[Document, Document, Document]:
    """A resource's change, its planned values and its block."""
    change = next(one for one in plan["resource_changes"] if one["type"] == kind)
    planned = plan["planned_values"]["root_module"]["resources"]
    value = next(one for one in planned if one["address"] == change["address"])
    blocks = plan["configuration"]["root_module"]["resources"]
    block = next(one for one in blocks if one["type"] == kind and one["name"] == change["name"])
    return (
        change,
        value,
        {k: v for k, v in block.items() if k not in ("count_expression", "for_each_expression")},
    )


def _named(entry: Mapping[str, Any], module: str, name: str) -> Document:
    """The entry in a module, with a name of its own in AWS."""
    made: Document = copy.deepcopy(dict(entry))
    made["address"] = f"{module}.{entry['type']}.{entry['name']}".removeprefix(".")
    made.pop("index", None)
    values = made["change"]["after"] if "change" in made else made["values"]
    values["name"] = f"/shape/{name}"
    return made


def _without_resources(plan: Mapping[str, Any]) -> Document:
    made: Document = copy.deepcopy(
        {k: v for k, v in plan.items() if k not in ("prior_state", "output_changes")}
    )
    made["resource_changes"] = []
    made["planned_values"] = {"root_module": {"resources": []}}
    made["configuration"]["root_module"] = {"resources": [], "variables": {}}
    return made
