"""What counts as a secret: Terraform's marks, the names that its providers forgot, and what files assign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tapstack import masking
from tapstack.deployment import known_secrets
from tapstack.masking import MASKED, Mask
from tapstack.secret_names import is_secret_name
from tapstack.sensitive import marked, of_document, of_environment, of_outputs, of_text

SECRET = """
password passwd db_password dbPassword DB_PASSWORD master_password_wo ses_smtp_password_v4 secret secret_string
client_secret raw_secret_access_key AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN token auth_token apiToken hec_token
TF_TOKEN_app_terraform_io private_key private_key_pem access_key api_key bgp_auth_key connection_string credentials
db_credential user_data user_data_base64 tunnel1_preshared_key passphrase TAP_SIGNING_KEY
"""
NONE = """
secret_arn secret_id secret_name secrets_manager_arn token_type token_url password_length password_policy http_tokens
password_reset_required access_key_id kms_key_id public_key key key_name user_data_replace_on_change passport tokenizer
customer_master_key_spec creation_token client_token lock_token max_tokens password_wo_version bypass compass author id
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", NONE.split())
def test_names_that_only_sound_like_it(name: str) -> None:
    assert not is_secret_name(name)


def test_marks_are_followed_into_lists_and_maps() -> None:
    value = {
        "a": "no",
        "b": ["no", {"c": "yes", "d": 7654321}],
        "e": {"x": "all", "y": [True, None, "of it"]},
    }
    marks = {"a": False, "b": [False, {"c": True}], "e": True, "gone": True}
    assert list(marked(value, marks)) == ["yes", "all", "of it"]


def values(**attributes: Any) -> dict[str, Any]:
    resource = {"address": "a.b", "type": "a", "name": "b", "values": attributes, "sensitive_values": {}}
    child = {"address": "module.m", "resources": [resource]}
    return {"values": {"root_module": {"child_modules": [child]}}}


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ({"password": "v-1", "password_length": 123456, "name": "v-2"}, {"v-1"}),
        ({"environment": [{"variables": {"DB_PASSWORD": "v-1", "LOG_LEVEL": "v-2"}}]}, {"v-1"}),
        ({"containers": '[{"environment": [{"name": "API_KEY", "value": "v-1"}, {"name": "A"}]}]'}, {"v-1"}),
        ({"definition": '{"auth": {"token": "v-1", "kind": "v-2"}}'}, {"v-1"}),
        ({"master_user_secret": [{"secret_arn": "v-1", "kms_key_id": "v-2", "secret_status": "v-3"}]}, set()),
        ({"secrets": {"one": "v-1", "two": ["v-2"], "arn": "v-3"}}, {"v-1", "v-2"}),
        ({"credentials": "arn:aws:iam::123456789012:role/r", "http_token": "required", "token": "/a/path"}, set()),
        ({"url": "postgres://user:v-1@host/db", "other": "https://host/a@b"}, {"v-1"}),
        ({"user_data": "#!/bin/sh\nexport DB_PASSWORD=v-1\n"}, {"#!/bin/sh\nexport DB_PASSWORD=v-1\n", "v-1"}),
        ({"note": "-----BEGIN RSA PRIVATE KEY-----\nv-1\n-----END RSA PRIVATE KEY-----"}, {
            "-----BEGIN RSA PRIVATE KEY-----\nv-1\n-----END RSA PRIVATE KEY-----"}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_attributes_that_the_schema_forgot(attributes: dict[str, Any], found: set[str]) -> None:
    assert set(of_document(values(**attributes))) == found


def test_everywhere_in_a_plan() -> None:
    change = {
        "before": {"v": "before"},
        "after": {"v": "after"},
        "before_sensitive": {"v": True},
        "after_sensitive": {"v": True},
    }
    state = {"values": {"outputs": {"o": {"sensitive": True, "value": "output"}}, "root_module": {"resources": [
        {"type": "t", "name": "n", "values": {"v": "prior"}, "sensitive_values": {"v": True}},
        {"type": "random_string", "name": "db_password", "values": {"result": "drawn"}, "sensitive_values": {}},
        {"type": "random_string", "name": "suffix", "values": {"result": "shown"}, "sensitive_values": {}},
    ]}}}  # fmt: skip
    module = {
        "variables": {"mine": {"sensitive": True, "default": "default"}, "open": {"default": "shown"}},
        "resources": [{"provisioners": [{"expressions": {"password": {"constant_value": "provisioner"}}}],
                       "expressions": {"password": {"references": ["var.shown"]}}}],
        "module_calls": {"secrets": {"source": "./shown", "expressions": {"inner": {"constant_value": "call"}},
                                     "module": {"variables": {"inner": {"sensitive": True}}}}},
    }  # fmt: skip
    document = {
        "resource_changes": [{"change": change}],
        "resource_drift": [{"change": {"before": {"api_key": "drifted"}, "before_sensitive": {}}}],
        "output_changes": {"o": {"after": "changed output", "after_sensitive": True}},
        "prior_state": state,
        "planned_values": {"outputs": {"password": {"sensitive": False, "value": "named"}}},
        "variables": {"mine": {"value": {"user": "given"}}, "open": {"value": "shown"}, "token": {"value": "by name"}},
        "configuration": {
            "provider_config": {"aws": {"expressions": {"secret_key": {"constant_value": "provider"}}}},
            "root_module": module,
        },
    }  # fmt: skip
    found = set(of_document(document))
    assert found == {
        "before", "after", "drifted", "changed output", "output", "prior", "drawn", "named", "given", "by name",
        "provider", "default", "provisioner", "call",
    }  # fmt: skip


@pytest.mark.parametrize(
    "document", [None, [], {}, {"values": 3}, {"resource_changes": [3, {"change": None}]}]
)
def test_a_document_of_another_form_holds_none(document: Any) -> None:
    assert list(of_document(document)) == []


def test_outputs_by_mark_and_by_name() -> None:
    outputs: dict[str, dict[str, Any]] = {
        "a": {"sensitive": True, "value": ["v-1"]},
        "api_token": {"value": "v-2"},
        "b": {"value": "v-3"},
    }
    assert set(of_outputs(outputs)) == {"v-1", "v-2"}


def test_secrets_of_the_environment() -> None:
    environ = {
        "AWS_SECRET_ACCESS_KEY": "v-1-long-enough",
        "MY_SERVICE_TOKEN": "test",
        "GIT_KEY": "v-2-long-enough-for-a-key",
        "SSH_KEY": "/home/me/.ssh/id_ed25519",
        "PWD": "/home/me/MyProject",
        "TAP_SIGNING_KEY": "keys/release-of-the-house.pem",
        "AWS_SECURITY_TOKEN": "/beginsAs/aPathAndIsNone",
        "TF_VAR_db_password": "v-3",
        "TF_VAR_region": "eu-west-1",
        "DATABASE_URL": "mysql://me:v-4@host",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "not a secret itself",
        "HOME": "/home/me",
    }
    assert set(of_environment(environ)) == {
        "v-1-long-enough",
        "v-2-long-enough-for-a-key",
        "v-3",
        "v-4",
        "/beginsAs/aPathAndIsNone",
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('password = "v-1" # v-2', {"v-1"}),
        ('resource "a" "b" {\n  tags = { api_key = "v-1", name = "v-2" }\n  broken = "', {"v-1"}),
        ('{"db": {"password": "v-1", "user": "v-2"}}', {"v-1"}),
        ("password = 'v-1'", {"v-1"}),
        ('token = """\nv-1\nv-2"""', {"\nv-1\nv-2"}),
        ("private_key = <<-EOT\n  v-1\n  v-2\n  EOT\nname = 1", {"  v-1\n  v-2"}),
        ('secrets = { one = "v-1", "two" = ["v-2"], three = "}v-3" }', {"v-1", "v-2", "}v-3"}),
        ('password = "v\\"1\\\\"', {'v\\"1\\\\', 'v"1\\'}),
        ('password = "v-$${1}"', {"v-$${1}", "v-${1}"}),
        ("pin = 12345678\nuser = 1", {"12345678"}),
        ("password = var.shown\nsecret_name = \"shown\"\npassword == \"shown\"", set()),
        ("password = random_password.db.result\ntoken = file(\"shown\")\nsecret: a.b\napi_key = upper(x)", set()),
        ("export API_TOKEN=v-1\nDB_PASSWORD=v-2 ./run", {"v-1", "v-2"}),
        ('address = "mysql://me:v-1@host"', {"v-1"}),
        ('password = "v-1\nname = "shown"', {"v-1"}),
    ],
)  # fmt: skip
def test_what_a_text_assigns_to_names(text: str, found: set[str]) -> None:
    assert set(of_text(text, frozenset({"pin"}))) == found


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> Mask:
    mask = Mask()
    monkeypatch.setattr(known_secrets, "MASK", mask)
    known_secrets.declared_sensitive.cache_clear()
    return mask


def test_a_stack_that_does_not_parse_is_looked_through_all_the_same(learnt: Mask, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "main.tf").write_text(
        'variable "hidden" {\n  default   = "of-the-default"\n  sensitive = true\n}\n'
        'variable "session" { ephemeral = true }\n'
        'variable "open" {\n  default = "shown-1"\n}\n'
        'locals { x = sensitive("of-the-call") }\n'
        'module "inner" {\n  source = "./inner"\n}\n'
        'resource "a" "b" {\n  password = "of-the-code"\n  this is no HCL "\n'
    )
    (tmp_path / "inner" / "main.tf.json").write_text(
        '{"variable": {"deep": {"default": "of-the-json", "sensitive": true}}}'
    )
    (tmp_path / "terraform.tfvars").write_text(
        'hidden = "of-the-tfvars"\nopen = "shown-2"\nthis = is {{ none'
    )
    (tmp_path / "tap.toml").write_text(
        '[environments.sandbox.variables]\nhidden = "of-tap.toml"\nopen = "shown-3"'
    )
    known_secrets.of_stack(tmp_path, {"TF_VAR_session": "of-the-environment", "TF_VAR_open": "shown-4"})
    known_secrets.of_variables(tmp_path, {"hidden": '{ a = "of-an-expression" }', "open": "shown-5"})
    said = (
        "of-the-default of-the-call of-the-code of-the-json of-the-tfvars of-tap.toml of-the-environment "
        "of-an-expression"
    )
    assert learnt.text(said) == " ".join([MASKED] * len(said.split()))
    shown = "shown-1 shown-2 shown-3 shown-4 shown-5"
    assert learnt.text(shown) == shown
    assert known_secrets.hidden(tmp_path, {"hidden": "x", "open": "y", "token": "z"}) == {
        "hidden": MASKED,
        "open": "y",
        "token": MASKED,
    }


def test_a_directory_that_is_none_holds_no_secrets(learnt: Mask, tmp_path: Path) -> None:
    known_secrets.of_stack(tmp_path / "absent", {})
    assert learnt.text("anything") == "anything"
    assert masking.MASK is not learnt
