"""Whose credentials these are: asked of STS, which needs no permission.

Run as a program it asks for the credentials of its own environment, so that those of Terraform count and not this
process's: python -I account.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapstack.errors import EnvironmentFailure

_TIMEOUT_SECONDS = 60.0


def live_account(env: Mapping[str, str]) -> str:
    """The account id of the credentials in an environment. Raises EnvironmentFailure where AWS does not say."""
    from tapstack.terraform import process

    done = process.run([sys.executable, "-I", __file__], cwd=Path.cwd(), env=env, timeout=_TIMEOUT_SECONDS)
    try:
        answer: dict[str, str] = json.loads(done.stdout)
    except ValueError:
        raise _silent(done.stderr.strip() or "no answer") from None
    if "account" not in answer:
        raise _silent(answer.get("error", "no answer"))
    return answer["account"]


def _silent(why: str) -> EnvironmentFailure:
    from tapstack.errors import EnvironmentFailure

    return EnvironmentFailure(
        f"AWS does not say whose credentials these are: {why}.",
        hint="log in to the account of this environment (aws sso login, AWS_PROFILE, ...)",
    )


def _ask() -> dict[str, str]:
    import botocore.config
    import botocore.session
    from botocore.exceptions import BotoCoreError, ClientError

    limits = botocore.config.Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 3})
    try:
        session = botocore.session.Session()
        region = session.get_config_variable("region") or "us-east-1"
        client = session.create_client("sts", region_name=region, config=limits)
        return {"account": str(client.get_caller_identity()["Account"])}
    except (BotoCoreError, ClientError) as failure:
        return {"error": str(failure).rstrip(".")}


if __name__ == "__main__":
    print(json.dumps(_ask()))
