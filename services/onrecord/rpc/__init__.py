"""How the contracts travel: generated stubs in `v1`, and conversion between values and messages.

Each module speaks of one contract. `x_message(value)` makes a message, `read_x(message)` makes a
value; a message that is not one of ours raises `OnRecordError(REQUEST_MALFORMED)` with the path of
the field that is at fault. Messages are never used as values.
"""
