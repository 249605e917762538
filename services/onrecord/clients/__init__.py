"""The contracts, reached over gRPC. Each client is interchangeable with the service itself."""
