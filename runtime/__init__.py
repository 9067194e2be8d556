"""What every process of ours has: logs, metrics, health, traces. Imports nothing of ours."""
