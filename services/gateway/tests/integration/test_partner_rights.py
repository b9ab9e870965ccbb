"""On a broker with ACLs the guide's commands give a partner his own topics, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from aiokafka.protocol.admin import CreateAclsRequest

from local.cache import cache_folder
from local.kafka import Kafka
from local.ports import free_port

GUIDE: Final = Path(__file__).parents[4] / "docs" / "guides" / "send-events.md"
COMMAND: Final = re.compile(
    r"^kafka-acls .* --allow-principal (?P<principal>\S+) --(?P<role>producer|consumer)"
    r" --topic (?P<topic>\S+)(?: --group (?P<group>\S+))?$",
    re.MULTILINE,
)
PARTNER: Final = "webshop"
TOPICS: Final = ("partner.webshop", "partner.webshop.rejects", "partner.other", "pipeline")
LOGIN: Final = "org.apache.kafka.common.security.plain.PlainLoginModule"
SECURED: Final = """
listeners=PLAINTEXT://127.0.0.1:{port},PARTNERS://127.0.0.1:{door},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},PARTNERS://127.0.0.1:{door}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PARTNERS:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.partners.plain.sasl.jaas.config={login} required user_webshop="secret";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""
"""Partners log in on a listener of their own; on the other one the house is trusted."""


class Resource(IntEnum):
    TOPIC = 2
    GROUP = 3


class Operation(IntEnum):
    READ = 3
    WRITE = 4
    CREATE = 5
    DESCRIBE = 8


LITERAL: Final = 3
ALLOW: Final = 3
GRANTED: Final = {
    "producer": (Operation.WRITE, Operation.DESCRIBE, Operation.CREATE),
    "consumer": (Operation.READ, Operation.DESCRIBE),
}
"""What `kafka-acls --producer` and `--consumer` grant on the topic, by Kafka's documentation."""


@pytest.fixture(scope="module")
def partners_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Addresses of a broker with ACLs: for the house, and for partners."""
    home, door = tmp_path_factory.mktemp("secured"), free_port()
    broker = Kafka(home / "kafka", free_port(), free_port(), home / "kafka.log", cache_folder())
    broker.prepare()
    with broker.properties.open("a") as properties:
        properties.write(
            SECURED.format(
                port=broker.port, door=door, controller=broker.controller_port, login=LOGIN
            )
        )
    child = broker.start()
    yield broker.address, f"127.0.0.1:{door}"
    child.stop()


@pytest.fixture
async def door(partners_door: tuple[str, str]) -> str:
    """The partners' address, with topics and with the rights that the guide gives."""
    house, door = partners_door
    admin = AIOKafkaAdminClient(bootstrap_servers=house)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1) for name in TOPICS])
    for command in COMMAND.finditer(GUIDE.read_text()):
        rights = [
            (Resource.TOPIC, command["topic"], operation) for operation in GRANTED[command["role"]]
        ]
        if command["group"]:
            rights.append((Resource.GROUP, command["group"], Operation.READ))
        for resource, name, operation in rights:
            # aiokafka has the request, but no method that sends it.
            request = CreateAclsRequest(
                resource, name, LITERAL, command["principal"], "*", operation, ALLOW
            )
            answer = await admin._client.send(admin._client.get_random_node(), request)
            assert [error for error, *_ in answer.creation_responses] == [0]
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=house) as producer:
        for topic in TOPICS:
            await producer.send_and_wait(topic, b"of the house")
    return door


async def test_a_partner_writes_his_topic_and_reads_his_rejects_and_no_others(door: str) -> None:
    assert await publish(door, "partner.webshop")
    assert await read(door, "partner.webshop.rejects", group=PARTNER)
    for topic in ("partner.webshop.rejects", "partner.other", "pipeline"):
        with pytest.raises(TopicAuthorizationFailedError):
            await publish(door, topic)
    for topic in ("partner.other", "pipeline"):
        with pytest.raises(TopicAuthorizationFailedError):
            await read(door, topic, group=PARTNER)
    with pytest.raises(GroupAuthorizationFailedError):
        await read(door, "partner.webshop.rejects", group="metrics")


async def publish(door: str, topic: str) -> bool:
    async with AIOKafkaProducer(**_as_partner(door)) as producer:
        written = await producer.send_and_wait(topic, b"{}")
    return bool(written.offset)


async def read(door: str, topic: str, *, group: str) -> bool:
    consumer = AIOKafkaConsumer(
        topic, group_id=group, auto_offset_reset="earliest", **_as_partner(door)
    )
    try:
        await consumer.start()
        return bool((await consumer.getone()).value == b"of the house")
    finally:
        await consumer.stop()


def _as_partner(door: str) -> dict[str, str]:
    return {
        "bootstrap_servers": door,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": PARTNER,
        "sasl_plain_password": "secret",
    }
