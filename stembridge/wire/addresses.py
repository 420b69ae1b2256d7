"""The OSC address table of stembridge, API 1.0, as data.

Dispatch, validation, the client, README.md's tables and the checks of other programs (the Max
device, the MIDI bridge) all derive from `ROWS`; nothing about an address is written twice.

Words: *in* goes to the daemon, *out* comes from it, *relay* is handed on unchanged to every client
whose hello announced the row's capability (an audio player, a tempo display).
"""

from __future__ import annotations

from stembridge.wire.bridge_addresses import BRIDGE_ROWS
from stembridge.wire.schema import (
    CLIP_KEYS,
    GENERATE_KEYS,
    REWORK_KEYS,
    SEPARATE_KEYS,
    AddressRow,
    Arg,
    incoming,
    outgoing,
)

_ID = Arg("request_id", "s", "the job; chosen by the client, a UUID is best")
_CLIENT = Arg("client_id", "s", "the client; chosen by itself, kept over reconnects")
_SEQ = Arg("seq", "i", "grows with every message about this job; drop an older progress")
_PORT = Arg("reply_port", "i", "where to answer, if not where hello said", optional=True)

ROWS: tuple[AddressRow, ...] = (
    incoming(
        "/stembridge/hello",
        (
            _CLIENT,
            Arg("reply_port", "i", "UDP port the client listens on; 0: the one it sends from"),
            Arg("api_major", "i", "must be 1"),
            Arg("api_minor", "i", "any"),
            Arg("capabilities", "s", 'colon-separated, such as ":message:preview:"', optional=True),
        ),
        "Log in, and say where answers go. Final answers still owed are sent again at once.",
        answers=("/stembridge/welcome",),
    ),
    incoming(
        "/stembridge/ping",
        (_CLIENT, Arg("n", "i", "any number"), _PORT),
        "Are you there? One a second keeps the lease.",
        answers=("/stembridge/pong",),
    ),
    incoming(
        "/stembridge/model",
        (_CLIENT, _PORT),
        "What the loaded model can make.",
        answers=("/stembridge/model.info",),
    ),
    incoming(
        "/stembridge/clip",
        (_ID, _CLIENT, Arg("index", "i", "0 to clips - 1")),
        "One context clip of a request to come, before its /stembridge/generate.",
        keys=CLIP_KEYS,
        answers=("/stembridge/clip.held",),
    ),
    incoming(
        "/stembridge/generate",
        (_ID, _CLIENT),
        "Make stems. Repeat until answered: the same id and content is the same job. An error with "
        "retry_after_ms > 0 means: send the clips and this again.",
        keys=GENERATE_KEYS,
        answers=("/stembridge/accepted",),
    ),
    incoming(
        "/stembridge/rework",
        (_ID, _CLIENT),
        "Make a new take of a finished one: bars or stems anew, more like it, longer, or its notes "
        "changed. From here on a job as /stembridge/generate begins one.",
        keys=REWORK_KEYS,
        answers=("/stembridge/accepted",),
    ),
    incoming(
        "/stembridge/separate",
        (_ID, _CLIENT),
        "Take a mix apart into stems that add up to it, and a file of what belongs to none, rest. "
        "From here on a job as /stembridge/generate begins one.",
        keys=SEPARATE_KEYS,
        answers=("/stembridge/accepted",),
    ),
    incoming(
        "/stembridge/status",
        (_ID, _PORT),
        "How is the job? A finished one also gets its final answer again.",
        answers=("/stembridge/state",),
    ),
    incoming(
        "/stembridge/cancel",
        (_ID, _PORT),
        "Take the job back; takes effect within one network call.",
        answers=("/stembridge/state",),
    ),
    incoming(
        "/stembridge/list",
        (_CLIENT, _PORT),
        "All jobs of this client that the journal still holds.",
        answers=("/stembridge/state", "/stembridge/list.end"),
    ),
    incoming(
        "/stembridge/sync",
        (Arg("token", "s", "any text"), _PORT),
        "Answered when every job accepted before it has ended.",
        answers=("/stembridge/synced",),
    ),
    incoming(
        "/stembridge/received",
        (_ID,),
        "The final answer arrived: stop sending it again.",
    ),
    incoming(
        "/stembridge/goodbye",
        (_CLIENT, _PORT),
        "Log out. Jobs go on; their answers wait for the next hello.",
        answers=("/stembridge/farewell",),
    ),
    incoming(
        "/stembridge/quit",
        (Arg("boot_id", "s", "the boot id from welcome or pong"), _PORT),
        "Shut the daemon down; jobs that wait are kept for its next start.",
        answers=("/stembridge/farewell",),
    ),
    outgoing(
        "/stembridge/welcome",
        (
            Arg("boot_id", "s", "new at every start: ask /stembridge/status for open jobs"),
            Arg("version", "s", "stembridge's version"),
            Arg("api_major", "i", "1"),
            Arg("api_minor", "i", "0"),
            Arg("capabilities", "s", "colon-separated"),
            Arg("lease_s", "i", "silence after which the client is taken for gone, in seconds"),
            Arg("out_folder", "s", "every file the daemon writes lies in here"),
        ),
        "Answer to hello.",
    ),
    outgoing(
        "/stembridge/pong",
        (
            Arg("n", "i", "as sent"),
            Arg("boot_id", "s", "as in welcome"),
            Arg("queued", "i", "jobs that wait"),
            Arg("running", "i", "jobs at work"),
            Arg("state", "s", "loading, ready, working or failed"),
        ),
        "Answer to ping.",
    ),
    outgoing(
        "/stembridge/model.info",
        (
            Arg("name", "s", "the model's name"),
            Arg("artifact_sha256", "s", "hash over the whole model"),
            Arg("sample_rate", "i", "the model's own rate, in Hz"),
            Arg("device", "s", "cpu, or cuda:N"),
            Arg("stems", "s", "by comma"),
            Arg("styles", "s", "by comma; empty if it knows none"),
            Arg("timbres", "s", "JSON: stem -> names"),
        ),
        "Answer to model, and sent to all clients when the model has loaded.",
    ),
    outgoing(
        "/stembridge/clip.held",
        (_ID, Arg("index", "i", "as sent")),
        "The clip waits for its /stembridge/generate (in memory, for a minute).",
    ),
    outgoing(
        "/stembridge/accepted",
        (_ID, Arg("position", "i", "jobs before it"), Arg("boot_id", "s", "as in welcome")),
        "The job is on disk and will be answered, whatever happens to the daemon.",
    ),
    outgoing(
        "/stembridge/state",
        (_ID, Arg("state", "s", "queued, running, done, failed, cancelled or unknown"), _SEQ),
        "Answer to status, cancel and list.",
    ),
    outgoing(
        "/stembridge/list.end",
        (_CLIENT, Arg("count", "i", "how many state messages came before")),
        "End of a list.",
    ),
    outgoing("/stembridge/synced", (Arg("token", "s", "as sent"),), "Answer to sync."),
    outgoing("/stembridge/farewell", (), "Answer to goodbye and quit."),
    outgoing(
        "/stembridge/progress",
        (_ID, _SEQ, Arg("stage", "s", "what is going on"), Arg("fraction", "f", "0 to 1, of all")),
        "At most ten a second per job; may be lost.",
    ),
    outgoing(
        "/stembridge/stem",
        (
            _ID,
            _SEQ,
            Arg("stem", "s", "bass, drums, guitar or piano"),
            Arg("variation", "i", "0, 1, …"),
            Arg("path", "s", "the finished file"),
            Arg("sha256", "s", "of the file"),
            Arg("frames", "i", "length in samples: round(beats × 60 / bpm × rate)"),
            Arg("rate", "i", "sample rate, in Hz"),
            Arg(
                "verdict",
                "s",
                'JSON: onsets on the grid, loudness, …; "midi" and "take_midi" name the MIDI files '
                "beside it, of the stem and of the whole take",
            ),
        ),
        "A file is complete. Sent as soon as it is, and again before every repeat of done.",
    ),
    outgoing(
        "/stembridge/done",
        (
            _ID,
            _SEQ,
            Arg("folder", "s", "the take's folder"),
            Arg("stems", "i", "how many stem messages belong to it"),
            Arg("receipt", "s", "JSON file that reproduces the take"),
        ),
        "Final answer. Resent after 0.25, 0.5, 1, 2, 4 … s until received or the lease ends.",
    ),
    outgoing(
        "/stembridge/error",
        (
            Arg("request_id", "s", "the job, or empty"),
            Arg("address", "s", "the address that failed"),
            Arg("code", "i", "see the table of errors"),
            Arg("symbol", "s", "see the table of errors"),
            Arg("sentence", "s", "for the human"),
            Arg("retry_after_ms", "i", "0, or when to send it again"),
        ),
        "What was asked cannot be done; also the final answer of a job that failed or was "
        "cancelled, resent like done.",
    ),
    outgoing(
        "/stembridge/log",
        (Arg("priority", "i", "0 (least) to 3"), Arg("text", "s", "one line")),
        "News for the human; only to clients that announced :message:.",
        capability="message",
    ),
    *BRIDGE_ROWS,
)

BY_ADDRESS: dict[str, AddressRow] = {row.address: row for row in ROWS}
