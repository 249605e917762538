"""The bus between services: its contract in `ports`, and what stands where Kafka will."""
