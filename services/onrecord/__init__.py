"""OnRecord: face search over driver-licence galleries that can only happen on the record."""
