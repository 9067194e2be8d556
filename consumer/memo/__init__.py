"""A memo on its way: its states, checkpoint, lease, progress and endings. Used by stages, pipeline and handling."""
