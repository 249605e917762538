"""OnRecord: face search over driver-licence galleries that can only happen on the record."""

__version__ = "0.1.0"
