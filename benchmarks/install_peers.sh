#!/usr/bin/env bash
# Installs the peers of the benchmarks into the environment of the python given (default: python).
#   bash benchmarks/install_peers.sh [python]
# What needs more than pip:
#   fleck 1.1.3 asks for numpy < 2, but its JAX model runs on numpy 2: installed without its dependencies.
#   ellc 1.8.15 ships a macOS library in its source archive: rebuilt here, where gfortran is installed.
set -euo pipefail
python=${1:-python}
cd "$(dirname "$0")/.."
"$python" -m pip install -e '.[peers]'
"$python" -m pip install --no-deps 'fleck==1.1.3'

if "$python" -c 'import ellc' 2>/dev/null; then
    echo "ellc loads as it is"
elif command -v gfortran >/dev/null; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    "$python" -m pip download --no-deps --no-binary :all: 'ellc==1.8.15' -d "$work"
    tar -xf "$work"/ellc-1.8.15.tar.gz -C "$work"
    sources=()
    for part in constants utils solve_real_poly ellipse coords gauss_legendre stellar spots ellc; do
        sources+=("$work/ellc-1.8.15/f_src/$part.f90")
    done
    target=$("$python" -c 'import importlib.util as u; print(u.find_spec("ellc").submodule_search_locations[0])')
    gfortran -O3 -fPIC -shared -J "$work" "${sources[@]}" -o "$target/libellc.so"
    "$python" -c 'import ellc'
else
    echo "no gfortran: ellc is left out (Debian: apt-get install gfortran)"
fi
