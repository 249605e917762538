"""One file a part: what is installed, how it is started, when it is ready."""
