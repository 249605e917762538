"""The gateway: the REST API, and casework behind it. It can encrypt portraits, not decrypt them."""
