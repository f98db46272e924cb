"""The environment in which every AWS client reaches the sandbox and nothing can reach AWS."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Final

from tapstack.sandbox.record import LOOPBACK, Sandbox

_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_PROXY_VARIABLES: Final = frozenset((*_PROXIES, "FTP_PROXY", "NO_PROXY"))

# Variables that lead a client elsewhere or to other credentials than the exported ones. Service-specific
# endpoints (AWS_ENDPOINT_URL_S3 ...) can't be listed: `owned` recognises them in a given environment.
_MISLEADING: Final = (
    "AWS_CA_BUNDLE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_PROFILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)


def owned(name: str) -> bool:
    """Whether tap alone decides about the variable `name` where a sandbox is used."""
    upper = name.upper()
    return upper.startswith("AWS_") or upper in _PROXY_VARIABLES


def isolated(base: Mapping[str, str], sandbox: Sandbox, *, region: str) -> dict[str, str]:
    """A copy of `base` in which every AWS_* and every proxy variable is tap's own.

    What does not go to the sandbox itself is sent to the sandbox as a proxy, which refuses it at once and
    logs the host; so `terraform init` can't download providers in it either.
    """
    kept = {name: value for name, value in base.items() if not owned(name)}
    closed = {name: sandbox.url for proxy in _PROXIES for name in (proxy, proxy.lower())}
    return {**kept, **_reaching(sandbox, region), **closed}


def exports(sandbox: Sandbox, *, region: str) -> dict[str, str]:
    """What a shell must set to use the sandbox with any AWS tool; the value "" means: unset the variable.

    The shell's own proxies stay, because it is used for other things too.
    """
    return {**dict.fromkeys(_MISLEADING, ""), **_reaching(sandbox, region)}


def script(variables: Mapping[str, str]) -> str:
    """Shell commands that export `variables`, and unset those with the value ""; one a line, by name."""
    return "".join(
        f"export {name}={shlex.quote(value)}\n" if value else f"unset {name}\n"
        for name, value in sorted(variables.items())
    )


def _reaching(sandbox: Sandbox, region: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": sandbox.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",  # the sandbox accepts any key
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": LOOPBACK,
        "no_proxy": LOOPBACK,
    }
