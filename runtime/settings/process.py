"""Settings of what every process of ours has: vitals, logs and traces."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from runtime.settings.groups import Group
from runtime.settings.kinds import Host, Lower, Port, Upper, Url


class VitalsSettings(Group, env_prefix="VITALS_", own_prefix=True, title="Vitals, logs and traces"):
    """Where a process shows whether it is healthy."""

    host: Host = Field("127.0.0.1", description="address that serves /healthz, /readyz and /metrics")
    port: Port = Field(8080, description="its port; 0 takes any that is free")


class LogSettings(Group, env_prefix="LOG_"):
    """What is logged, and how."""

    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], Upper] = Field(
        "INFO", description="the lowest level that is logged: DEBUG, INFO, WARNING, ERROR or CRITICAL"
    )
    format: Annotated[Literal["auto", "human", "json"], Lower] = Field(
        "auto", description="human, json, or auto: human on a terminal and JSON lines elsewhere"
    )


class TraceSettings(Group, env_prefix="OTEL_EXPORTER_OTLP_"):
    """Where traces go; OpenTelemetry reads the other OTEL_* variables itself."""

    endpoint: Url | None = Field(
        None,
        description="base URL of a collector of OpenTelemetry traces (OTLP over HTTP), such as http://localhost:4318;"
        " needs the extra otel; no traces if not set",
    )
