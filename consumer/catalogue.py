"""The catalogue of a worker's metrics.

A label's value is a constant word (an outcome, a stage, a rung, a reason), or a partition's number: never an id, a name
or a text (I6).
"""

from __future__ import annotations

from runtime.metrics import BUILD_INFO, Metric

MEMOS_TAKEN = Metric(
    "voicememo_memos_taken_total",
    "counter",
    ("again",),
    "Claims of memos; again is true when an earlier holder had begun.",
)
MEMOS = Metric(
    "voicememo_memos_total",
    "counter",
    ("outcome", "form"),
    "Memos that came to their end; form is voice, text, or none where no reply went out. A text that answers a text"
    " message, as it should, is text-for-text.",
)
MEMOS_PARKED = Metric(
    "voicememo_memos_parked_total", "counter", ("reason",), "Times that a memo was set aside for another try."
)
MEMOS_FENCED = Metric(
    "voicememo_memos_fenced_total", "counter", (), "Times that a memo was lost to another holder while worked on."
)
MEMO_SECONDS = Metric(
    "voicememo_memo_seconds",
    "histogram",
    (),
    "From the moment a memo was taken until it was settled, in seconds.",
    (0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 90, 120),
)
VOICE_OUT_RATIO = Metric(
    "voicememo_voice_out_ratio",
    "gauge",
    (),
    "Of the replies to voice memos since the worker began, the share that went out as voice; 1 before the first.",
)
IN_FLIGHT = Metric("voicememo_in_flight", "gauge", (), "Memos being worked on just now.")
STAGE_SECONDS = Metric(
    "voicememo_stage_seconds",
    "histogram",
    ("stage", "rung"),
    "How long a stage took that ended well, in seconds; rung is the one that served, none where there is no ladder.",
    (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60),
)
STAGE_FAILURES = Metric(
    "voicememo_stage_failures_total", "counter", ("stage", "error"), "Stages that did not end well."
)
RUNG_FAILURES = Metric(
    "voicememo_rung_failures_total",
    "counter",
    ("stage", "rung", "error"),
    "Rungs that fell, so that the next was tried.",
)
RUNG_OPEN = Metric(
    "voicememo_rung_open",
    "gauge",
    ("stage", "rung"),
    "1 while a rung's breaker keeps it shut, from its opening until a probe has succeeded; 0 otherwise.",
)
EVENTS_PASSED = Metric("voicememo_events_passed_total", "counter", ("reason",), "Events that needed no work.")
EVENTS_BURIED = Metric(
    "voicememo_events_buried_total",
    "counter",
    ("reason",),
    "Dead letters that were written to the ledger; the topic gets them from there.",
)
COMMITS = Metric("voicememo_commits_total", "counter", (), "Commits of finished prefixes that the broker accepted.")
PARTITIONS = Metric("voicememo_partitions", "gauge", (), "Partitions that the group has given this worker.")
REBALANCES = Metric(
    "voicememo_rebalances_total", "counter", (), "Times that the group gave this worker partitions, or took some."
)
LOOP_LAG = Metric(
    "voicememo_loop_lag_seconds", "gauge", (), "The longest that the event loop was blocked in the last minute."
)
LOOP_STALLS = Metric(
    "voicememo_loop_stall_seconds",
    "histogram",
    (),
    "How late the event loop is, looked at 50 times a second, in seconds; a look that it missed counts as late, too.",
    (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10),
)
SINCE_POLL = Metric("voicememo_seconds_since_poll", "gauge", (), "How long ago Kafka was last polled.")
OLDEST_MEMO = Metric(
    "voicememo_oldest_memo_seconds", "gauge", (), "How long the oldest unfinished event has been here; 0 without any."
)
LAG = Metric(
    "voicememo_lag_events",
    "gauge",
    ("partition",),
    "Events of a partition of this worker's that are not finished, as far as Kafka has told; parked memos are.",
)
WAITING = Metric(
    "voicememo_waiting_memos",
    "gauge",
    ("state",),
    "Memos in the ledger that are parked, or wait for a person: failed, dead or interrupted; looked at each minute, 200"
    " at most. Every worker of a group tells the same.",
)
OLDEST_PARKED = Metric(
    "voicememo_oldest_parked_seconds",
    "gauge",
    (),
    "How long ago the oldest of these parked memos was received whose reply is not out yet; 0 without any.",
)
OWED_UPLOADS = Metric(
    "voicememo_owed_uploads", "gauge", (), "Recordings and replies in ARCHIVE_SPOOL that the archive is still to take."
)
OWED_BYTES = Metric("voicememo_owed_bytes", "gauge", (), "And their bytes on disk; ARCHIVE_SPOOL_BYTES is the most.")
WORKER_PHASE = Metric(
    "voicememo_worker_phase",
    "gauge",
    ("phase",),
    "1 for what the worker does now: starting, joining, polling, draining, stopped.",
)

CATALOGUE = (
    MEMOS_TAKEN,
    MEMOS,
    MEMOS_PARKED,
    MEMOS_FENCED,
    MEMO_SECONDS,
    VOICE_OUT_RATIO,
    IN_FLIGHT,
    STAGE_SECONDS,
    STAGE_FAILURES,
    RUNG_FAILURES,
    RUNG_OPEN,
    EVENTS_PASSED,
    EVENTS_BURIED,
    COMMITS,
    PARTITIONS,
    REBALANCES,
    WORKER_PHASE,
    LOOP_STALLS,
    BUILD_INFO,
    LOOP_LAG,
    SINCE_POLL,
    OLDEST_MEMO,
    LAG,
    WAITING,
    OLDEST_PARKED,
    OWED_UPLOADS,
    OWED_BYTES,
)
