#!/bin/bash
# install.sh FOLDER: Patroni from PyPI, as a folder of Python that any container with the Debian packages it needs can
# import. Prints the version.
set -euo pipefail

folder=${1:?}

install_into() { # FOLDER
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    printf 'Patroni is installed with the venv module of Python, and there is none: apt-get install python3-venv\n' >&2
    return 1
  fi
  python3 -m venv "$1/venv"
  # Both are pure Python. What else Patroni needs has compiled parts, and comes from Debian with the container's Python.
  "$1/venv/bin/pip" --quiet --disable-pip-version-check install --no-deps --no-compile --target "$1/packages" \
    patroni==4.1.5 ydiff==1.4.2
  rm -rf "$1/venv"
}

if [ ! -e "$folder/complete" ]; then
  rm -rf "$folder"
  mkdir -p "$folder"
  install_into "$folder"
  touch "$folder/complete"
fi
version=$(sed -nE "s/^__version__.*= *'([^']+)'.*/\1/p" "$folder/packages/patroni/version.py")
printf 'Patroni %s\n' "${version:?}"
