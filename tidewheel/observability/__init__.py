"""Prometheus and Grafana as Tidewheel wants them: texts made from declarations, without any I/O.

`make generate` writes them to `deploy/observability`, `tidewheel run --observe` into a run's data directory.
"""
