"""What callers of the gateway do, for locust; `driving` runs them and reads what they heard."""
