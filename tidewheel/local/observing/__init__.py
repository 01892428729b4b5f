"""`tidewheel run --observe`: Prometheus beside the run, and Grafana where there is one."""
