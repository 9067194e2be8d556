"""What every process has: settings, logs, metrics, health, traces, signals. Imports no other package of ours."""
