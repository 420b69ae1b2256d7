"""stembridge: the AI band-mate inside the producer's own DAW.

A request (which stems, which context, which bars at which tempo) goes in at one door,
`stembridge.request.parse_request`; exactly long, bar-aligned stem files and one final answer
come out. Importing this package imports nothing heavy.
"""

import os

__version__ = "0.2.0"

__all__ = ["__version__"]

# Nothing leaves the machine. These libraries report home unless told not to before they are
# imported (ONNX Runtime's `disable_telemetry_events` comes too late), and every entry point, child
# process and library use passes here first.
os.environ.update(ORT_DISABLE_TELEMETRY="1", RAY_USAGE_STATS_ENABLED="0")
