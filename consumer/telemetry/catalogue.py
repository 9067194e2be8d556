"""Catalogue of a worker's metrics; labels are constant words or a partition's number, never an id or a text (I6)."""

from __future__ import annotations

from runtime.metrics import BUILD_INFO, Catalogue

CATALOGUE = Catalogue()
counter, gauge, histogram = CATALOGUE.counter, CATALOGUE.gauge, CATALOGUE.histogram

MEMOS_TAKEN = counter("voicememo_memos_taken_total", "Claims of memos; again: an earlier holder had begun.", "again")
MEMOS = counter(
    "voicememo_memos_total",
    "Settled memos; form is voice, text, none without a reply, or text-for-text: a text that answers a text message.",
    "outcome",
    "form",
)
MEMOS_PARKED = counter("voicememo_memos_parked_total", "Times that a memo was set aside for another try.", "reason")
MEMOS_FENCED = counter("voicememo_memos_fenced_total", "Times that a memo was lost to another holder while worked on.")
MEMO_SECONDS = histogram(
    "voicememo_memo_seconds",
    "From the moment a memo was taken until it was settled, in seconds.",
    buckets=(0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 90, 120),
)
VOICE_OUT_RATIO = gauge(
    "voicememo_voice_out_ratio",
    "Share of voice among the replies to voice memos since the worker began; 1 before the first.",
)
IN_FLIGHT = gauge("voicememo_in_flight", "Memos being worked on just now.")
STAGE_SECONDS = histogram(
    "voicememo_stage_seconds",
    "Duration of a successful stage, in seconds; rung is the one that served, none where there is no ladder.",
    "stage",
    "rung",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60),
)
STAGE_FAILURES = counter("voicememo_stage_failures_total", "Stages that failed.", "stage", "error")
RUNG_FAILURES = counter(
    "voicememo_rung_failures_total", "Rungs that failed; the next was tried.", "stage", "rung", "error"
)
RUNG_OPEN = gauge(
    "voicememo_rung_open",
    "1 while a rung's breaker is open, until a probe has succeeded; 0 otherwise.",
    "stage",
    "rung",
)
EVENTS_PASSED = counter("voicememo_events_passed_total", "Events that needed no work.", "reason")
EVENTS_BURIED = counter(
    "voicememo_events_buried_total", "Dead letters written to the ledger, from where the topic gets them.", "reason"
)
COMMITS = counter("voicememo_commits_total", "Commits that the broker accepted.")
PARTITIONS = gauge("voicememo_partitions", "Partitions assigned to this worker.")
REBALANCES = counter("voicememo_rebalances_total", "Times that this worker gained or lost partitions.")
WORKER_PHASE = gauge(
    "voicememo_worker_phase", "1 for what the worker does now: starting, joining, polling, draining, stopped.", "phase"
)
LOOP_STALLS = histogram(
    "voicememo_loop_stall_seconds",
    "How late the event loop is, in seconds, measured 50 times a second; missed measurements count as late, too.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10),
)
CATALOGUE.append(BUILD_INFO)
LOOP_LAG = gauge("voicememo_loop_lag_seconds", "The longest that the event loop was blocked in the last minute.")
SINCE_POLL = gauge("voicememo_seconds_since_poll", "How long ago Kafka was last polled.")
OLDEST_MEMO = gauge("voicememo_oldest_memo_seconds", "Age of the oldest unfinished event; 0 without any.")
LAG = gauge(
    "voicememo_lag_events",
    "Unfinished events of a partition of this worker's, as last reported by Kafka; parked memos are finished.",
    "partition",
)
WAITING = gauge(
    "voicememo_waiting_memos",
    "Memos in the ledger that are parked, or wait for a person: failed, dead or interrupted; counted each minute,"
    " 200 at most. Every worker of a group reports the same.",
    "state",
)
OLDEST_PARKED = gauge(
    "voicememo_oldest_parked_seconds", "Since the oldest parked memo without a reply was received; 0 without any."
)
OWED_UPLOADS = gauge("voicememo_owed_uploads", "Uploads in ARCHIVE_SPOOL that wait for the archive.")
OWED_BYTES = gauge("voicememo_owed_bytes", "Their bytes on disk; ARCHIVE_SPOOL_BYTES at most.")
