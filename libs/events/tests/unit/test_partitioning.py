"""A key's partition is the one that every Kafka client finds, however many are hashed at once."""

import random

from aiokafka.partitioner import murmur2

from events.log.kafka.partitioning import hashes


def test_hashes_are_those_of_kafkas_clients_for_keys_of_any_length_and_number() -> None:
    draw = random.Random(1)
    for number in (0, 1, 15, 16, 700):
        keys = [draw.randbytes(draw.choice([0, 1, 2, 3, 31, 36, 36, 40])) for _ in range(number)]

        assert hashes(keys) == [murmur2(key) & 0x7FFFFFFF for key in keys]
