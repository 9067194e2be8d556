"""The simulated vendors, one module per wire format."""
