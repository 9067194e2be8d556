"""From a record's bytes to what happened. The only room that knows the shapes of events; never raises."""
