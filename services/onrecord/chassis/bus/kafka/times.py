"""How long Kafka is waited for, and waits for us."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KafkaTimes:
    """Seconds.

    `session`: a member that is not heard of for so long is taken for gone; `heartbeat`: how often
    it is heard of. `patience`: how long a consumer may work on what it polled before its
    partitions go to others. `delivery`: how long a message is offered to the brokers before it is
    called not published. `answer`: for one request. `fetch`: how long a broker waits for a first
    message; a partition that is emptied meanwhile is asked about again after it. `fetch_aside`:
    the same of topics that hardly anything comes to, parked messages and dead letters. `closing`:
    for each client that is closed. `look`: how often it is asked whether the brokers are there
    while nothing comes.
    """

    session: float = 15.0
    heartbeat: float = 3.0
    patience: float = 300.0
    delivery: float = 20.0
    answer: float = 5.0
    fetch: float = 0.5
    fetch_aside: float = 3.0
    closing: float = 3.0
    look: float = 5.0
