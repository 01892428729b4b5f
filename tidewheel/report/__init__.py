"""One training run as one self-contained HTML page. Values in, text out: no Kafka, no Redis, no clock, no files."""
