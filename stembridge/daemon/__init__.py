"""The daemon: sockets, journal and queue here, the model in a worker process of its own.

addresses  the OSC address table, as data
protocol   what derives from the table: binding, packing, the README's section
osc        bytes <-> messages (strict, sans-I/O)
jobs       the journal on disk and the queue read from it
worker     the child process that owns the model
executor   who runs a job: the worker here, other machines later
server     startup, serve, shutdown
"""
