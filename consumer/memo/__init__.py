"""A memo in work: states, checkpoint, lease, progress, asides and endings."""
