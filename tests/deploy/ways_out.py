"""Who may talk to what is no pod of ours, after the network policies and after what each pod is told to talk to."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from tests.deploy.manifests import Object, Workload, environment, selects, workloads
from tidewheel.domain.feeds import Feed
from tidewheel.venues.catalogue import ADAPTERS

# Of the API server: no pod, and on one of these.
API_PORTS = (443, 6443, 8443)
VENUE_PORTS = frozenset(urlsplit(url).port or 443 for one in ADAPTERS.values() for url in one.urls)
# A pod, a node, a service, a cloud's store of keys: all that may lie beside us.
NEIGHBOURS = [ip_address(one) for one in ("10.96.0.1", "100.64.0.1", "169.254.169.254", "172.18.0.2", "192.168.49.2")]
NEIGHBOURS += [ip_address(one) for one in ("fd00::1", "fe80::1")]

Way = tuple[str, int]


def outward(manifest: Sequence[Object]) -> Iterator[str]:
    """Where there are network policies: each has the ways out that it needs and no other; those to venues lead past
    all neighbours."""
    policies = [one["spec"] for one in manifest if one["kind"] == "NetworkPolicy"]
    if policies:
        pods = list(workloads(manifest))
        wanted, found = set(_wanted(manifest, pods)), set(_found(policies, [*(one.component for one in pods), "tools"]))
        yield from (f"{source} cannot leave by port {port}" for source, port in sorted(wanted - found))
        yield from (f"{source} may leave by port {port}" for source, port in sorted(found - wanted))
        yield from _neighbours_open(policies)


def _wanted(manifest: Sequence[Object], pods: Sequence[Workload]) -> Iterator[Way]:
    components = {one.component for one in pods}
    for one in pods:
        for container in one.containers:
            given = environment(manifest, container)
            for server, url in (
                ("kafka", f"//{given.get('TIDEWHEEL_KAFKA')}"),
                ("redis", given.get("TIDEWHEEL_REDIS")),
            ):
                if server not in components and (port := urlsplit(url).port):
                    yield from ((source, port) for source in (one.component, "tools"))
            if Feed.parse(given.get("TIDEWHEEL_FEED", "sim")).venues:
                yield from ((one.component, port) for port in VENUE_PORTS)
    if "prometheus" in components:
        yield from (("prometheus", port) for port in API_PORTS)


def _found(policies: Sequence[Object], components: Sequence[str]) -> Iterator[Way]:
    for policy in policies:
        for rule in policy.get("egress", []):
            if "to" not in rule or any("ipBlock" in peer for peer in rule["to"]):
                sources = [one for one in components if selects(policy["podSelector"], one)]
                yield from ((source, one["port"]) for source in sources for one in rule.get("ports", [{"port": 0}]))


def _neighbours_open(policies: Sequence[Object]) -> Iterator[str]:
    peers = (peer for one in policies for rule in one.get("egress", []) for peer in rule.get("to", []))
    for block in (peer["ipBlock"] for peer in peers if "ipBlock" in peer):
        for one in NEIGHBOURS:
            closed = any(one in ip_network(net) for net in block.get("except", []))
            if one in ip_network(block["cidr"]) and not closed:
                yield f"{block['cidr']} leads to {one} too"
