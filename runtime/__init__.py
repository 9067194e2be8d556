"""What every process of ours has, whatever it does."""
