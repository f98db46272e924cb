"""Asks AWS, through Terraform's own provider, what carries this stack's tags and is not in its state."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tapstack.deployment.attempts import Intent
from tapstack.deployment.judge import read_source
from tapstack.deployment.plan import PlanRequest, options_of, plan_document, stack_resources
from tapstack.deployment.prepare import Prepared
from tapstack.terraform import imports

_TYPE: Final = "aws_resourcegroupstaggingapi_resources"
_NAME: Final = "tap_recovery"
_OF_THE_ROOT: Final = re.compile(r"aws(?:\.[\w-]+)?")


def common_tags(intents: Iterable[Intent]) -> dict[str, str]:
    """The tags that all of these carry; what has no tags is not asked."""
    tagged = [one.tags for one in intents if one.tags]
    if not tagged:
        return {}
    return {key: value for key, value in tagged[0].items() if all(one.get(key) == value for one in tagged)}


def find(
    prepared: Prepared,
    request: PlanRequest,
    tags: Mapping[str, str],
    providers: Iterable[str],
    recorded: bytes,
) -> list[str]:
    """The ARNs of what carries all of `tags` and does not occur in `recorded`, the state's text.

    `providers` are keys of the root module's provider configurations: their regions are asked. AWS lists new tags
    after some minutes, and of IAM little. Raises TerraformFailed where it may not be asked.
    """
    asked = sorted({one for one in providers if _OF_THE_ROOT.fullmatch(one)})
    names = [f"{_NAME}_{number}" for number in range(len(asked))]
    with tempfile.TemporaryDirectory(prefix="tap-orphans-") as private:  # mode 0700
        path = Path(private, "question.tf")
        path.write_text("".join(map(_question, names, asked, [tags] * len(asked))), "utf-8")
        with ThreadPoolExecutor(max_workers=1) as reader:
            reading = reader.submit(read_source, prepared.settings.directory)
            narrow = replace(request, destroy=False, targets=[f"data.{_TYPE}.{name}" for name in names])
            options = options_of(prepared, narrow, Path(private), reading)
            prepared.driver.imports = path
            try:
                document = plan_document(prepared, options)
            finally:
                prepared.driver.imports = None
    said = recorded.decode("utf-8", "replace")
    return sorted({arn for arn in _arns(document, names) if f'"{arn}' not in said})


def _question(name: str, provider: str, tags: Mapping[str, str]) -> str:
    filters = "".join(
        f"  tag_filter {{\n    key    = {imports.quoted(key)}\n    values = [{imports.quoted(value)}]\n  }}\n"
        for key, value in tags.items()
    )
    return f'data "{_TYPE}" "{name}" {{\n  provider = {provider}\n{filters}}}\n'


def _arns(document: Mapping[str, Any], names: Sequence[str]) -> Iterator[str]:
    for resource in stack_resources(document.get("prior_state")):
        if resource["type"] == _TYPE and resource["name"] in names:
            for one in resource["values"].get("resource_tag_mapping_list") or ():
                yield str(one["resource_arn"])
