"""What every process of ours has, whatever it does: settings, memory management. Imports no other package of ours."""
