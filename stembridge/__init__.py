"""stembridge: the AI band-mate inside the producer's own DAW.

A request (which stems, which context, which bars at which tempo) goes in at one door,
`stembridge.request.parse_request`; exactly long, bar-aligned stem files and one final answer
come out. Importing this package imports nothing heavy.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
