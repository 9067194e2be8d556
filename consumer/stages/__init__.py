"""The stages of the pipeline, each a small callable object."""
