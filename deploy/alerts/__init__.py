"""Recording rules and alerts: written here, shipped in the chart and loaded by `make cluster`."""
