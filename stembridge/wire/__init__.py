"""The wire: the OSC protocol that the daemon, its clients and the bridge speak, sans-I/O.

schema     the words the address table is written in, the wire's limits, the keys of a request
addresses  the OSC address table, as data (the bridge's part: bridge_addresses)
osc        bytes <-> messages, strict
bodies     what the daemon knows, as values that fit a message
protocol   what derives from the table: binding, packing, README.md's tables
"""
