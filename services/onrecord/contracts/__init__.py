"""What the services promise one another.

Each module holds one service's Protocol and the values that cross it. The object that implements
a contract in the same process and the client that reaches it over gRPC are interchangeable, and
one suite in `tests/contract` holds both to it.

Every method raises `OnRecordError` and nothing else on purpose. Every method takes a `Deadline`
and MUST NOT begin work that cannot be used before it.
"""
