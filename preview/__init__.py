"""Our dashboards as pictures, drawn with Grafana's own components from what a real Prometheus answers."""
