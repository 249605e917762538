"""The bus on Kafka: for as many machines as there are. `access` says where; `bus` is it."""
