"""Pads, chords, clock and ears, tied to the daemon: an OSC client with three child processes.

The daemon never waits for a port or a device; if this process or one of its children dies, jobs and
answers go on.

takes    finished takes, as their receipts describe them
session  what a pad press means: the next request, the next take (no sockets, no devices)
jobs     requests from pads, and their lamps
family   the children and their state
bridge   the process: client, children, who tells whom
"""
