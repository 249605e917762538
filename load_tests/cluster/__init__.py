"""Measurements of the cluster; `python -m load_tests.cluster_all` runs them."""
