"""From a streamed reply to one recording, spoken piece by piece while it is still written."""
