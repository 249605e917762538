"""A state's list of records, from a file to something signed: a tool for custodians."""
