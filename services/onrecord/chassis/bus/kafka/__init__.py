"""The bus on Kafka: for as many machines as there are."""

from onrecord.chassis.bus.kafka.access import KafkaAccess, KafkaLogin, KafkaTls, kafka_servers
from onrecord.chassis.bus.kafka.bus import KafkaBus
from onrecord.chassis.bus.kafka.times import KafkaTimes

__all__ = ["KafkaAccess", "KafkaBus", "KafkaLogin", "KafkaTimes", "KafkaTls", "kafka_servers"]
