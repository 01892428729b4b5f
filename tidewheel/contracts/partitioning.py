"""Which partition a key's records lie in: the same for every producer, so that who reads may reckon it."""

# The partitioner of the Java client and of aiokafka, by librdkafka's name for it: it maps keys as `partition_of` does.
PARTITIONER = "murmur2_random"


def murmur2(key: bytes) -> int:
    """The hash that Kafka's clients partition by, as an unsigned 32-bit number."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(key)
    whole = len(key) & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    if rest := key[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_of(instrument: str, partitions: int) -> int:
    """Where the records of an instrument lie, as PARTITIONER puts them."""
    return (murmur2(instrument.encode()) & 0x7FFFFFFF) % partitions
