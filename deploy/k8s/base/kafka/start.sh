# The broker of this pod: its number and its address are the pod's.
set -eu
properties=/tmp/server.properties
{
    cat /etc/tidewheel/server.properties
    echo "node.id=${HOSTNAME##*-}"
    echo "advertised.listeners=PLAINTEXT://$HOSTNAME.kafka:9092"
} >"$properties"
if [ ! -f /var/lib/kafka/data/logs/meta.properties ]; then
    /opt/kafka/bin/kafka-storage.sh format -t "$CLUSTER_ID" -c "$properties"
fi
exec /opt/kafka/bin/kafka-server-start.sh "$properties"
