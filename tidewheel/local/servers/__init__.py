"""Kafka and Redis on this machine: fetched, started, asked whether they are there."""
