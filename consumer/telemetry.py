"""Telemetry: what can be seen of the flow from outside. Metrics and logs are listeners; the flow imports neither."""

from __future__ import annotations

from consumer.catalogue import CATALOGUE, Metric, catalogue_table
from consumer.logs import NoticeLog, configure_logs
from consumer.metrics import Metrics

__all__ = ["CATALOGUE", "Metric", "Metrics", "NoticeLog", "catalogue_table", "configure_logs"]
