#!/usr/bin/env bash
# Installs tap into an environment of its own; of the job's PATH it changes nothing but that `tap` is there.
set -euo pipefail

refuse() {
  echo "::error::$1"
  exit 64
}
case "$INPUT_COMMAND" in
  plan | apply) ;;
  *) refuse "The input command is '$INPUT_COMMAND'; plan or apply was expected." ;;
esac
[[ -n $TAP_ENV ]] || refuse "The input environment is empty; an environment of tap.toml was expected."

extras=
command -v terraform > /dev/null || command -v tofu > /dev/null || extras=terraform
[[ $TAP_ENV != sandbox ]] || extras=${extras:+$extras,}sandbox
extras=${extras:+[$extras]}

home=$RUNNER_TEMP/tap
lock=$GITHUB_ACTION_PATH/requirements.lock
python -m venv "$home/venv"
# uv holds what it installs against the hashes of a file of constraints; pip can't.
awk '/^[^ ]/ { mine = /^uv==/ } mine' "$lock" > "$home/uv.lock"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$home/uv.lock"
install=("$home/venv/bin/uv" pip install --quiet --python "$home/venv/bin/python")

if [[ -n $INPUT_VERSION ]]; then
  "${install[@]}" "tapstack$extras==$INPUT_VERSION"
else
  # The action's own tap, with what it was tested with: a plan and its apply need the same versions of everything.
  # There are no tags beside the action, and no two versions of tap may have one name.
  if [[ -n $ACTION_REF ]]; then
    version=${ACTION_REF#v}
    [[ $version =~ ^[0-9]+(\.[0-9]+)*$ ]] || version=0+${version//[^A-Za-z0-9]/.}
    export SETUPTOOLS_SCM_PRETEND_VERSION_FOR_TAPSTACK=$version
  fi
  "${install[@]}" --constraint "$lock" --constraint "$GITHUB_ACTION_PATH/requirements-terraform.lock" \
    "$GITHUB_ACTION_PATH$extras"
fi

mkdir -p "$home/bin"
ln -sf ../venv/bin/tap "$home/bin/tap"
echo "$home/bin" >> "$GITHUB_PATH"
"$home/bin/tap" --version
