# Sourced by the scripts: make the virtual environment once, then put it first on PATH.
# It is rebuilt when pyproject.toml or requirements.lock change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "error: Python 3.11 or newer is needed; set PYTHON to one" >&2
    exit 2
fi
for tool in g++ make perl; do
    if ! command -v "$tool" >/dev/null; then
        echo "error: $tool was not found; install it with: apt-get install g++ make perl" >&2
        exit 2
    fi
done
want=$(cat pyproject.toml requirements.lock | cksum)
if [ ! -x .venv/bin/gatewright ] || [ "$(cat .venv/stamp 2>/dev/null)" != "$want" ]; then
    echo "making .venv (once)"
    rm -rf .venv
    if ! "$python" -m venv .venv; then
        echo "error: the venv module is missing; install it with: apt-get install python3-venv" >&2
        exit 2
    fi
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
    echo "$want" >.venv/stamp
fi
export PATH="$PWD/.venv/bin:$PATH"
