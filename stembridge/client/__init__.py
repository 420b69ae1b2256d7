"""Clients of the daemon: `Client` (plain) and `AsyncClient` (asyncio).

    with Client() as client:
        job = client.generate(generate="bass", bpm="120", bars=8, context={"drums": "/…/drums.wav"})
        for stem in job.wait():
            print(stem.path)

They say hello, keep the lease, repeat what UDP may lose, put the messages of a job in order, and
find their jobs again when the daemon was restarted.
"""

from stembridge.client.asynchronous import AsyncClient
from stembridge.client.job import Done, Job, JobEvent, Progress, Stem
from stembridge.client.plain import Client, PlainJob

__all__ = [
    "AsyncClient",
    "Client",
    "Done",
    "Job",
    "JobEvent",
    "PlainJob",
    "Progress",
    "Stem",
]
