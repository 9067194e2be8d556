"""The worker: from a Kafka event to a spoken reply.

Errors, and what they lead to (others: providers/errors.py, storage/errors.py):

    CannotAnswer          this memo has no proper reply
    ├── Apology           a spoken fallback
    └── NoRecording       the memo is ignored
    NotKept               the reply is out, the original is not kept: the memo is parked (I5)
    TooManyBugs           the worker stops (I8)
    Abandoned             a memo does not end: the process ends at once
    SourceError           Kafka cannot be used: the worker stops; a dead letter is published later
    ├── CommitRefused     the group has moved on: the event comes again
    └── RecordTooLarge    for its topic: a dead letter is written without bytes, a webhook gets 413
    ConfigurationError    exit status 2
    ListenError           a port cannot be bound: exit status 1
    NotGenuine            a webhook's signature is wrong: it gets 401
"""
