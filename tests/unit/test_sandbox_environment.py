"""The sandbox's environment: everything that leads to AWS is tap's own."""

from pathlib import Path

import pytest

from tapstack.sandbox.environment import exports, isolated, owned
from tapstack.sandbox.record import Sandbox

SANDBOX = Sandbox(
    id="a" * 32,
    pid=1,
    port=4321,
    url="http://127.0.0.1:4321",
    log=Path("server.log"),
    started="2026-01-01T00:00:00+00:00",
)


@pytest.mark.parametrize(
    "name",
    [
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_CA_BUNDLE",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_ENDPOINT_URL_S3",
        "AWS_USE_FIPS_ENDPOINT",
        "aws_profile",
        "AWS_SOMETHING_INVENTED_LATER",
    ],
)
def test_a_variable_of_the_caller_that_leads_to_aws_is_dropped(name: str) -> None:
    assert name not in isolated({name: "real"}, SANDBOX, region="us-east-1")


@pytest.mark.parametrize(
    "name", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
)
def test_every_proxy_variable_leads_to_the_sandbox_itself(name: str) -> None:
    assert isolated({name: "http://proxy.corp:3128"}, SANDBOX, region="us-east-1")[name] == SANDBOX.url


def test_the_callers_list_of_hosts_without_proxy_does_not_open_a_way_out() -> None:
    environment = isolated({"NO_PROXY": "amazonaws.com", "no_proxy": "*"}, SANDBOX, region="us-east-1")
    assert (environment["NO_PROXY"], environment["no_proxy"]) == ("127.0.0.1", "127.0.0.1")


def test_clients_are_sent_to_the_sandbox_with_a_region_and_without_configuration_files() -> None:
    environment = isolated({}, SANDBOX, region="eu-west-1")
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4321"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"


def test_what_is_not_about_aws_or_proxies_is_kept_and_the_base_is_not_changed() -> None:
    base = {"PATH": "/bin", "TF_VAR_company": "acme", "AWS_PROFILE": "prod"}
    environment = isolated(base, SANDBOX, region="us-east-1")
    assert (environment["PATH"], environment["TF_VAR_company"]) == ("/bin", "acme")
    assert base == {"PATH": "/bin", "TF_VAR_company": "acme", "AWS_PROFILE": "prod"}


def test_a_shell_is_told_to_unset_what_would_lead_elsewhere_and_keeps_its_proxy() -> None:
    variables = exports(SANDBOX, region="us-east-1")
    assert variables["AWS_PROFILE"] == variables["AWS_SESSION_TOKEN"] == variables["AWS_CA_BUNDLE"] == ""
    assert variables["AWS_ENDPOINT_URL"] == SANDBOX.url
    assert "HTTPS_PROXY" not in variables
    assert all(owned(name) for name in variables)
