"""Measurements that want a GPU."""
