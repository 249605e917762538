"""A Kubernetes API server on this machine, with nodes that are simulated: for the chart's tests."""
