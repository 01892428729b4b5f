# render.sh [FOLDER]: each overlay as one file, for `kubectl apply -f` where there is no kustomize. A test keeps dist/ equal.
set -eu
cd "$(dirname "$0")"
to=${1:-dist}
mkdir -p "$to"
for overlay in overlays/*/; do
    name=$(basename "$overlay")
    { echo "# Made by deploy/k8s/render.sh of $overlay; change that."; kubectl kustomize "$overlay"; } >"$to/$name.yaml"
done
