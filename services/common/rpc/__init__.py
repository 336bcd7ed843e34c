"""gRPC over HTTP/2 on the loop of the process: a server, and one long stream for a client.

grpcio polls its sockets in a thread of its own and hands each message on to the loop's: a switch
between threads in both directions of every call, which on busy cores waits for its turn like
anybody else. Here the loop that serves a call also reads its socket. HTTP/2 itself is h2's.
"""
