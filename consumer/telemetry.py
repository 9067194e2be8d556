"""Listeners that log, count and trace what the flow does; the flow imports none of them."""
