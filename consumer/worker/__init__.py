"""The loop over a topic: lanes of chats, offsets, parked memos, drain. Made by the wiring."""
