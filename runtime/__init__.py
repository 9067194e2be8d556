"""What every process of ours has, whatever it does: logs, metrics, health, traces. Imports nothing of ours."""
