"""The loop over a topic: lanes of chats, offsets, parked memos, drain."""
