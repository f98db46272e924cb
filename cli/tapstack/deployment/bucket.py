"""What the bucket of a state does with it: asked of S3.

Run as a program it asks with the credentials of its own environment, so that those of Terraform count and not this
process's: python -I bucket.py BUCKET KEY REGION
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TIMEOUT_SECONDS = 120.0
_VERSIONS = 1000


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a state's object; `bytes` is None for a mark that says it was deleted."""

    id: str
    bytes: int | None
    modified: str
    latest: bool


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket as S3 describes it; None for what these credentials may not ask.

    `kms_key` is the key of its default encryption, "" for S3's own. `policy` is its policy's JSON, "" for none.
    `versions` are those of the state's object, newest first, at most 1000; `written_by` is the Terraform of the newest.
    """

    exists: bool
    versioning: bool | None = None
    kms_key: str | None = None
    blocks_public_access: bool | None = None
    policy: str | None = None
    versions: tuple[Version, ...] = ()
    written_by: str = ""

    @property
    def refuses_plain_http(self) -> bool | None:
        """Whether the policy denies what does not come over TLS."""
        if self.policy is None:
            return None
        statements = json.loads(self.policy).get("Statement", []) if self.policy else []
        return any(
            one.get("Effect") == "Deny" and "aws:SecureTransport" in json.dumps(one.get("Condition", {}))
            for one in (statements if isinstance(statements, list) else [statements])
        )


def look(env: Mapping[str, str], bucket: str, key: str, region: str | None) -> Bucket:
    """A bucket and the versions of `key` in it. Raises EnvironmentFailure where S3 does not say."""
    from tapstack.errors import EnvironmentFailure
    from tapstack.terraform import process

    argv = [sys.executable, "-I", __file__, bucket, key, region or ""]
    done = process.run(argv, cwd=Path.cwd(), env=env, timeout=_TIMEOUT_SECONDS)
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        answer = {"error": done.stderr.strip() or "no answer"}
    if "error" in answer:
        raise EnvironmentFailure(
            f"S3 does not say what the bucket {bucket} is like: {answer['error']}.",
            hint="do the credentials belong to the account of this environment? Bucket names are worldwide",
        )
    versions = tuple(Version(**one) for one in answer.pop("versions", ()))
    return Bucket(**answer, versions=versions)


def _ask(bucket: str, key: str, region: str) -> dict[str, Any]:
    import botocore.config
    import botocore.session
    from botocore.exceptions import BotoCoreError, ClientError

    limits = botocore.config.Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 3})
    try:
        session = botocore.session.Session()
        chosen = region or session.get_config_variable("region") or "us-east-1"
        client = session.create_client("s3", region_name=chosen, config=limits)
        try:
            client.head_bucket(Bucket=bucket)
        except ClientError as failure:
            if failure.response["Error"]["Code"] in ("404", "NoSuchBucket"):
                return {"exists": False}
            raise
        return {"exists": True, **_settings(client, bucket), **_state(client, bucket, key)}
    except (BotoCoreError, ClientError) as failure:
        return {"error": str(failure).rstrip(".")}


def _settings(client: Any, bucket: str) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    def ask(call: Callable[..., Any], absent: Any) -> Any:
        try:
            return call(Bucket=bucket)
        except ClientError as failure:
            code = failure.response["Error"]["Code"]
            return absent if code.startswith("NoSuch") or code.endswith("NotFoundError") else None

    versioning = ask(client.get_bucket_versioning, {})
    encryption = ask(client.get_bucket_encryption, {})
    block = ask(client.get_public_access_block, {})
    policy = ask(client.get_bucket_policy, {"Policy": ""})
    rules = (encryption or {}).get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    key = next(
        (rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID") for rule in rules), ""
    )
    blocks = (block or {}).get("PublicAccessBlockConfiguration", {})
    return {
        "versioning": None if versioning is None else versioning.get("Status") == "Enabled",
        "kms_key": None if encryption is None else key or "",
        "blocks_public_access": None if block is None else len(blocks) == 4 and all(blocks.values()),
        "policy": None if policy is None else policy["Policy"],
    }


def _state(client: Any, bucket: str, key: str) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    try:
        found = client.list_object_versions(Bucket=bucket, Prefix=key, MaxKeys=_VERSIONS)
    except ClientError as failure:
        if failure.response["Error"]["Code"] in ("AccessDenied", "403"):
            return {}
        raise
    listed = [
        {
            "id": one["VersionId"],
            "bytes": one.get("Size"),
            "modified": f"{one['LastModified']:%Y-%m-%d %H:%M:%S} UTC",
            "latest": one["IsLatest"],
        }
        for one in (*found.get("Versions", []), *found.get("DeleteMarkers", []))
        if one["Key"] == key
    ]
    listed.sort(key=lambda one: (one["latest"], one["modified"]), reverse=True)
    written_by = ""
    if listed and listed[0]["bytes"]:
        try:
            document = json.loads(client.get_object(Bucket=bucket, Key=key)["Body"].read())
            written_by = str(document.get("terraform_version") or "")
        except (ClientError, ValueError, AttributeError):
            # What can't be read is Terraform's to explain.
            written_by = ""
    return {"versions": listed, "written_by": written_by}


if __name__ == "__main__":
    print(json.dumps(_ask(*sys.argv[1:4])))
