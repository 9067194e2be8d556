"""The worker: from a Kafka event to a spoken reply.

Errors, and what they lead to (those of the vendors and the store are drawn in providers/errors.py, storage/errors.py):

    CannotAnswer          this memo has no proper reply
    ├── Apology           a spoken fallback
    └── NoRecording       the memo is ignored
    NotKept               the reply is out, the original is not kept: the memo is parked (I5)
    Discarded             a streamed reply was thrown away, and its speech with it
    TooManyBugs           the worker stops (I8)
    Abandoned             a memo would not end: the process ends at once
    SourceError           Kafka cannot be used: the worker stops; a dead letter is published later
    ├── CommitRefused     the group has moved on: the event comes again
    └── TooLarge          a record exceeds its topic's limit: a dead letter goes without bytes, a webhook gets 413
    ConfigurationError    exit status 2
    ListenError           a port cannot be bound: exit status 1
    NotGenuine            a webhook's signature does not fit: it gets 401
"""
