"""Dashboards as declarations: one module each. `build` makes Grafana's JSON of them, which is committed, so that who
provisions them needs no SDK."""
