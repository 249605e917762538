"""The parts that OnRecord stands on, real, on one machine, without a container engine."""
