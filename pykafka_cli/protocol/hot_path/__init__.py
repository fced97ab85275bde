"""The messages that are sent most or are largest, by hand over a memoryview: record bytes are never copied.

A request's `records` are a view of the frame it came in (writable where the frame is); a response is a list of buffers,
in which each partition's records are unchanged.
"""
