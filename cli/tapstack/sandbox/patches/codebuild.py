"""What moto's CodeBuild lacks."""

from __future__ import annotations

from typing import Any

from moto.codebuild.models import CodeBuildBackend

from tapstack.sandbox.record import Sandbox


def codebuild_delete_by_arn(_sandbox: Sandbox) -> None:
    """DeleteProject does nothing when it is given the ARN instead of the name.

    The provider gives the ARN: a destroyed project stays, and can't be made again. Delete when moto deletes a
    project by its ARN.
    """
    delete = CodeBuildBackend.delete_project

    def delete_project(self: Any, project_name: str) -> None:
        delete(self, project_name.rpartition("/")[2])

    CodeBuildBackend.delete_project = delete_project
