"""The one-process composition root: the five services, called directly."""
