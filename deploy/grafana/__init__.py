"""Grafana's dashboards, written as Python; `python -m deploy.grafana` makes their JSON."""
