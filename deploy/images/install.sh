# install.sh SET: the locked packages of a set, ours and the bill of what was put there, in /opt/tidewheel. SET: a
# service, or tools.
set -eu
to=/opt/tidewheel
env/bin/python -m pip install -q --no-cache-dir --no-compile --no-deps --require-hashes --only-binary :all: \
    --target "$to" -r "requirements/$1.txt"
sh trim.sh "$to"
cp -R own/. "$to"
rm -rf "$to/bin"
# A service knows neither the others nor the command line.
if [ "$1" != tools ]; then
    mv "$to/services" others
    mkdir "$to/services"
    mv others/__init__.py "others/$1" "$to/services"
    rm -rf "$to/backtest" "$to/tidewheel/cli" "$to/tidewheel/local"
    PYTHONPATH=$to python3 -c "import services.$1.__main__"
fi
# What is there, by name and version, and no address.
env/bin/python -m pip list --path "$to" --format freeze --exclude tidewheel >installed.txt
env/bin/cyclonedx-py requirements --output-reproducible --of JSON --pyproject pyproject.toml -o bill.json installed.txt
env/bin/python - bill.json "$to/sbom.cdx.json" <<'EOF'
import json, sys

def bare(value):
    if isinstance(value, dict):
        return {name: bare(one) for name, one in value.items() if name != "externalReferences"}
    return [bare(one) for one in value] if isinstance(value, list) else value

json.dump(bare(json.load(open(sys.argv[1]))), open(sys.argv[2], "w"), indent=1)
EOF
# Trusted as they lie: the file system is read-only, and times may change on the way into an image.
python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash "$to"
chmod -R u=rwX,go=rX "$to"
