"""The REST API: HTTP in, use-cases called, problems out. Nothing is decided here."""

DESCRIPTION = """\
Face search over driver-licence galleries that can only happen on the record. What is found is an
investigative lead for trained people to examine, never an identification.

Errors are RFC 9457 problem details with a stable `code`. Every answer bears `X-Request-Id`.
"""
