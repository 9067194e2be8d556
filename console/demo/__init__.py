"""The demo, on embedded parts."""
