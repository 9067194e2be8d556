"""Adapters of messengers: Series and Linq v3, behind one port; made by providers/factory."""
