# install.sh SET: the locked packages of a set, ours and the bill of what was put there, in /opt/tidewheel.
set -eu
to=/opt/tidewheel
env/bin/python -m pip install -q --no-cache-dir --no-compile --no-deps --require-hashes --only-binary :all: \
    --target "$to" -r "requirements/$1.txt"
cp -R own/. "$to"
rm -rf "$to/bin"
env/bin/cyclonedx-py requirements --output-reproducible --of JSON --pyproject pyproject.toml \
    -o "$to/sbom.cdx.json" "requirements/$1.txt"
# Trusted as they lie: the file system is read-only, and times may change on the way into an image.
python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash "$to"
chmod -R u=rwX,go=rX "$to"
