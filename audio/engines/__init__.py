"""Local engines for hearing and speaking, each in a child process."""
