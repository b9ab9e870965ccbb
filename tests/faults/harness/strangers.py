"""Records as no library writes them, for a broker that looks at their frame and not into them."""

import gzip
import struct
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.util import calc_crc32c

Header = tuple[bytes, bytes | None]

_LENGTH = 8
_AFTER_LENGTH = 12
_CRC = 17
_ATTRIBUTES = 21
_RECORDS = 61


async def publish_raw(
    address: str,
    topic: str,
    records: Sequence[tuple[Sequence[Header], bytes | None]],
    *,
    compressed: bool = False,
) -> None:
    """Append one batch to partition 0; the names of headers are any bytes."""
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        batch = producer.create_batch()
        names: dict[bytes, bytes] = {}
        for headers, value in records:
            ours = [(_placeholder(name, names), text) for name, text in headers]
            batch.append(key=b"k", value=value, timestamp=None, headers=ours)
        batch.close()
        batch._buffer = _reframed(bytes(batch._build()), names, compressed=compressed)
        await (await producer.send_batch(batch, topic, partition=0))


def _placeholder(name: bytes, names: dict[bytes, bytes]) -> str:
    """A name of the same length that the library takes; `names` says what it stands for."""
    if name.isascii():
        return name.decode()
    stand_in = f"{len(names):x}".rjust(len(name), "~").encode()
    assert len(name) > 2, "the stand-in must not be found anywhere else"
    names[stand_in] = name
    return stand_in.decode()


def _reframed(batch: bytes, names: dict[bytes, bytes], *, compressed: bool) -> bytearray:
    body = batch[_RECORDS:]
    for stand_in, name in names.items():
        body = body.replace(stand_in, name)
    head = bytearray(batch[:_RECORDS])
    if compressed:
        body = gzip.compress(body)
        head[_ATTRIBUTES + 1] |= DefaultRecordBatch.CODEC_GZIP
    framed = bytearray(head + body)
    struct.pack_into(">i", framed, _LENGTH, len(framed) - _AFTER_LENGTH)
    struct.pack_into(">I", framed, _CRC, calc_crc32c(bytes(framed[_ATTRIBUTES:])))
    return framed
