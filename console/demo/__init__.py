"""The demo: the whole system on embedded parts, and how it is shown."""
