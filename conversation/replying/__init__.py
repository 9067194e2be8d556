"""What is said: the persona, the reply as it streams, and whether it is fit to be sent."""
