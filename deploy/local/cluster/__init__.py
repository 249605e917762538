"""OnRecord and everything it stands on, as a cluster on one machine."""
