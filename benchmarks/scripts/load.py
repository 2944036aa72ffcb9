"""Clients of the service: `python load.py` with a JSON object on the standard input.

    {"url": ..., "clients": 16, "seconds": 4, "requests": null, "pictures": [[base64, label, p]]}

Each client has a connection of its own, asks, checks the answer and asks again, until the time is
up or all requests are sent. Prints the milliseconds of each and how many answers were wrong.
"""

import asyncio
import base64
import itertools
import json
import sys
import time

import httpx

PNG = {"Content-Type": "image/png"}


async def main(task: dict) -> None:
    pictures = [(base64.b64decode(data), label, p) for data, label, p in task["pictures"]]
    left = itertools.count(task["requests"] or sys.maxsize, -1)
    latencies, wrong = [], []

    async def client(asking: httpx.AsyncClient, number: int, until: float) -> None:
        async with asking:
            for body, label, probability in itertools.cycle(pictures[number:] + pictures[:number]):
                began = time.perf_counter()
                if began > until or next(left) <= 0:
                    return
                response = await asking.post(task["url"], content=body, headers=PNG)
                latencies.append(round(1000 * (time.perf_counter() - began), 2))
                answer = response.json()
                right = response.status_code == 200 and answer["label"] == label
                if not (right and abs(answer["probability"] - probability) < 1e-3):
                    wrong.append(response.text)

    # Made before the clock starts, and without the certificates, which take long to read.
    clients = [httpx.AsyncClient(timeout=120, verify=False) for _ in range(task["clients"])]
    began = time.perf_counter()
    until = began + (task["seconds"] or float("inf"))
    await asyncio.gather(*(client(one, i % len(pictures), until) for i, one in enumerate(clients)))
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "milliseconds": latencies, "wrong": wrong[:5]}))


asyncio.run(main(json.load(sys.stdin)))
