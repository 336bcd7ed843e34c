"""WebSocket frames (RFC 6455, section 5.2) as nearly every client sends them: whole, masked, final.

Whatever else there is — fragments, binary, closing, too long, against the protocol — is left to a
library that knows it all.

Ownership: nothing is kept; what is returned is Python's.
"""
