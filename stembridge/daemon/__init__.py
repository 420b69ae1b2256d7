"""The daemon: sockets, journal and queue here, the model in a worker process of its own.

jobs       the journal on disk and the queue read from it
worker     the child process that owns the model
executor   who runs jobs, as the rest sees it; a pool of several
supervisor one worker kept alive, wherever it runs; local_process: here
workers    from the settings to the executor
runner     from the queue to the executor, and from its events to journal and newsroom
records    what workers tell of models and files
news       what happens, for every door that subscribes
desk       the OSC door: what comes in; outbox: what goes out, and is repeated
server     startup, serve, shutdown

What it says and hears on the socket is `stembridge.wire`.
"""
