"""The yardstick: what the MQTT library's own idiom needs for the same messages, no decision.

``async for`` over the messages, ``await publish`` for each command, TCP_NODELAY on.
"""

import asyncio
import socket
import sys

import aiomqtt


async def main(port: int, name: str, loads: int, qos: int, others: int) -> None:
    """Answer each spike with so many OFFs."""
    nodelay = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    async with aiomqtt.Client("127.0.0.1", port, socket_options=[nodelay]) as client:
        topics = [f"{name}/meter", *(f"{name}/other/{number}" for number in range(others))]
        await client.subscribe([(topic, qos) for topic in topics])
        await client.publish(f"{name}/ready", b"", qos=1, retain=True)
        async for message in client.messages:
            payload = message.payload
            power = float(payload) if isinstance(payload, bytes) else 0.0
            if message.topic.value == topics[0] and power > 10_000.0:
                for number in range(loads):
                    await client.publish(f"{name}/r{number}/set", b"0", qos=qos)


asyncio.run(main(int(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:6])))
