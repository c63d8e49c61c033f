#!/bin/bash
# install.sh FOLDER: a virtual environment with ansible-core in it, and of Ansible's collections the one that has the
# connection to Incus. Prints the versions.
set -euo pipefail

folder=${1:?}

# The newest Python there is decides which Ansible can be had; Debian's venv module is a package of its own.
choose_python() {
  local python
  for python in python3.13 python3.12 python3; do
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
      printf '%s\n' "$python"
      return 0
    fi
  done
  printf 'Ansible needs Python with its venv module, and there is none: apt-get install python3-venv\n' >&2
  return 1
}

install_into() { # FOLDER
  local python core ansible
  python=$(choose_python)
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then
    core=2.21.5 ansible=14.5.0
  else
    core=2.19.14 ansible=12.3.0
  fi
  "$python" -m venv "$1"
  "$1/bin/pip" --quiet --disable-pip-version-check install "ansible-core==$core"
  "$1/bin/pip" --quiet --disable-pip-version-check download --no-deps --dest "$1/download" "ansible==$ansible"
  "$1/bin/python" - "$1" <<'END'
import glob, sys, zipfile
folder = sys.argv[1]
wheel = zipfile.ZipFile(glob.glob(folder + "/download/*.whl")[0])
wanted = [name for name in wheel.namelist() if name.startswith("ansible_collections/community/general/")]
wheel.extractall(folder + "/collections", wanted)
END
  rm -rf "$1/download"
}

# Scripts in a virtual environment name its folder, so it is made where it stays.
if [ ! -e "$folder/complete" ]; then
  rm -rf "$folder"
  install_into "$folder"
  touch "$folder/complete"
fi
"$folder/bin/python" - <<'END'
import ansible.release, sys
print("ansible-core %s on Python %d.%d" % ((ansible.release.__version__,) + sys.version_info[:2]))
END
