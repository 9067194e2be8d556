"""The catalogue of a worker's metrics.

A label's value is a constant word (an outcome, a stage, a rung, a reason), or a partition's number: never an id, a name
or a text (I6).
"""

from __future__ import annotations

from runtime.metrics import BUILD_INFO, Catalogue

CATALOGUE = Catalogue()

MEMOS_TAKEN = CATALOGUE.counter(
    "voicememo_memos_taken_total", "Claims of memos; again is true when an earlier holder had begun.", "again"
)
MEMOS = CATALOGUE.counter(
    "voicememo_memos_total",
    "Memos that came to their end; form is voice, text, or none where no reply went out. A text that answers a text"
    " message, as it should, is text-for-text.",
    "outcome",
    "form",
)
MEMOS_PARKED = CATALOGUE.counter(
    "voicememo_memos_parked_total", "Times that a memo was set aside for another try.", "reason"
)
MEMOS_FENCED = CATALOGUE.counter(
    "voicememo_memos_fenced_total", "Times that a memo was lost to another holder while worked on."
)
MEMO_SECONDS = CATALOGUE.histogram(
    "voicememo_memo_seconds",
    "From the moment a memo was taken until it was settled, in seconds.",
    buckets=(0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 90, 120),
)
VOICE_OUT_RATIO = CATALOGUE.gauge(
    "voicememo_voice_out_ratio",
    "Of the replies to voice memos since the worker began, the share that went out as voice; 1 before the first.",
)
IN_FLIGHT = CATALOGUE.gauge("voicememo_in_flight", "Memos being worked on just now.")
STAGE_SECONDS = CATALOGUE.histogram(
    "voicememo_stage_seconds",
    "How long a stage took that ended well, in seconds; rung is the one that served, none where there is no ladder.",
    "stage",
    "rung",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60),
)
STAGE_FAILURES = CATALOGUE.counter("voicememo_stage_failures_total", "Stages that did not end well.", "stage", "error")
RUNG_FAILURES = CATALOGUE.counter(
    "voicememo_rung_failures_total", "Rungs that fell, so that the next was tried.", "stage", "rung", "error"
)
RUNG_OPEN = CATALOGUE.gauge(
    "voicememo_rung_open",
    "1 while a rung's breaker keeps it shut, from its opening until a probe has succeeded; 0 otherwise.",
    "stage",
    "rung",
)
EVENTS_PASSED = CATALOGUE.counter("voicememo_events_passed_total", "Events that needed no work.", "reason")
EVENTS_BURIED = CATALOGUE.counter(
    "voicememo_events_buried_total",
    "Dead letters that were written to the ledger; the topic gets them from there.",
    "reason",
)
COMMITS = CATALOGUE.counter("voicememo_commits_total", "Commits of finished prefixes that the broker accepted.")
PARTITIONS = CATALOGUE.gauge("voicememo_partitions", "Partitions that the group has given this worker.")
REBALANCES = CATALOGUE.counter(
    "voicememo_rebalances_total", "Times that the group gave this worker partitions, or took some."
)
WORKER_PHASE = CATALOGUE.gauge(
    "voicememo_worker_phase", "1 for what the worker does now: starting, joining, polling, draining, stopped.", "phase"
)
LOOP_STALLS = CATALOGUE.histogram(
    "voicememo_loop_stall_seconds",
    "How late the event loop is, looked at 50 times a second, in seconds; a look that it missed counts as late, too.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10),
)
CATALOGUE.append(BUILD_INFO)
LOOP_LAG = CATALOGUE.gauge(
    "voicememo_loop_lag_seconds", "The longest that the event loop was blocked in the last minute."
)
SINCE_POLL = CATALOGUE.gauge("voicememo_seconds_since_poll", "How long ago Kafka was last polled.")
OLDEST_MEMO = CATALOGUE.gauge(
    "voicememo_oldest_memo_seconds", "How long the oldest unfinished event has been here; 0 without any."
)
LAG = CATALOGUE.gauge(
    "voicememo_lag_events",
    "Events of a partition of this worker's that are not finished, as far as Kafka has told; parked memos are.",
    "partition",
)
WAITING = CATALOGUE.gauge(
    "voicememo_waiting_memos",
    "Memos in the ledger that are parked, or wait for a person: failed, dead or interrupted; looked at each minute,"
    " 200 at most. Every worker of a group tells the same.",
    "state",
)
OLDEST_PARKED = CATALOGUE.gauge(
    "voicememo_oldest_parked_seconds",
    "How long ago the oldest of these parked memos was received whose reply is not out yet; 0 without any.",
)
OWED_UPLOADS = CATALOGUE.gauge(
    "voicememo_owed_uploads", "Recordings and replies in ARCHIVE_SPOOL that the archive is still to take."
)
OWED_BYTES = CATALOGUE.gauge("voicememo_owed_bytes", "And their bytes on disk; ARCHIVE_SPOOL_BYTES is the most.")
