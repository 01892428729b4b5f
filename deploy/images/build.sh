# build.sh [TARGET…]: build the images, all of them where none is named, with whatever builds images here.
#   BASE=…  the base image    TAG=…  their tag, by default the version in pyproject.toml
#   ENGINE=docker|podman|buildah   by default the first that works
set -eu
cd "$(dirname "$0")/../.."
tag=${TAG:-$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)}
engine=${ENGINE:-}
for one in docker podman buildah; do
    if [ -z "$engine" ] && command -v "$one" >/dev/null && "$one" info >/dev/null 2>&1; then engine=$one; fi
done
[ -n "$engine" ] || { echo "images: neither docker, podman nor buildah works here; start one, or install buildah" >&2; exit 2; }
[ $# -gt 0 ] || set -- ingest orderbot labeler trainer predictor tools
# Packages come by the pip configuration of this machine, which stays out of the images.
secrets=$(mktemp -d)
trap 'rm -rf "$secrets"' EXIT
python3 -m pip config list 2>/dev/null | grep -v find-links | sed "s/^[^.]*\.\([a-z-]*\)='\(.*\)'$/\1 = \2/" | sort -u >"$secrets/options"
{ echo "[global]"; grep -v '^cert = ' "$secrets/options" || true; } >"$secrets/pip.conf"
set -- "$@" --
ca=$(sed -n 's/^cert = //p' "$secrets/options" | head -1)
options="--secret id=pip,src=$secrets/pip.conf"
if [ -n "$ca" ]; then
    echo "cert = /build/ca.crt" >>"$secrets/pip.conf"
    options="$options --secret id=ca,src=$ca"
fi
[ -z "${BASE:-}" ] || options="$options --build-arg BASE=$BASE"
case $engine in buildah) build="buildah build --layers" ;; *) build="$engine build" ;; esac
while [ "$1" != -- ]; do
    # shellcheck disable=SC2086
    $build -q $options --target "$1" -t "localhost/tidewheel-$1:$tag" -f deploy/images/Dockerfile . >/dev/null
    echo "localhost/tidewheel-$1:$tag"
    shift
done
