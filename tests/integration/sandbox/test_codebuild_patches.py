"""What tap mends in moto's CodeBuild, seen through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.real


@pytest.mark.parametrize("by", ["name", "arn"])
def test_a_project_is_deleted_by_name_and_by_arn(aws: Callable[..., Any], by: str) -> None:
    codebuild = aws("codebuild")
    made = codebuild.create_project(
        name="project",
        source={"type": "GITHUB", "location": "https://example.com/a.git"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole="arn:aws:iam::123456789012:role/service-role/r",
    )["project"]
    codebuild.delete_project(name=made[by])
    assert codebuild.list_projects()["projects"] == []
