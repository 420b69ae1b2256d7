"""The daemon: sockets, journal and queue here, the model in a worker process of its own.

jobs       the journal on disk and the queue read from it
worker     the child process that owns the model
executor   who runs a job: the worker here, other machines later
server     startup, serve, shutdown

What it says and hears on the socket is `stembridge.wire`.
"""
