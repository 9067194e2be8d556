"""What can be seen of a worker from outside: listeners that log, count and trace. The flow imports none of them."""
