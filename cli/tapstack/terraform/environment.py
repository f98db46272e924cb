"""The `TF_*` variables of every Terraform process: owned here, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tapstack.errors import InputError

# The signing key is tap's: providers and provisioners are other people's programs.
_OWNED = ("TF_IN_AUTOMATION", "TF_INPUT", "TF_DATA_DIR", "TAP_SIGNING_KEY")


def terraform_environment(
    base: Mapping[str, str], *, data_dir: Path, cli_config: Path | None
) -> dict[str, str]:
    """`base` with tap's own settings for Terraform.

    `cli_config` is the CLI configuration to use instead of the user's, if any. TF_VAR_*, TF_TOKEN_*, TF_LOG,
    TF_WORKSPACE and the plugin cache are the user's and pass through. Raises InputError for TF_CLI_ARGS*: they
    change what is planned or applied behind the judgement's back.
    """
    for name in sorted(base):
        if name.startswith("TF_CLI_ARGS") and base[name]:
            raise InputError(
                f"{name} is set: it would change Terraform's arguments after they were judged.",
                hint=f"unset {name} and give tap the option itself",
            )
    env = {name: value for name, value in base.items() if name not in _OWNED}
    config = env.get("TF_CLI_CONFIG_FILE")
    if config and not Path(config).is_file():
        # Terraform warns about a file that does not exist on every command; it counts as none.
        del env["TF_CLI_CONFIG_FILE"]
    if cli_config is not None:
        env["TF_CLI_CONFIG_FILE"] = str(cli_config)
    return env | {
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_DATA_DIR": str(data_dir),
        "CHECKPOINT_DISABLE": "1",
    }
