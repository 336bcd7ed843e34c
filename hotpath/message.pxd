"""Messages: one BehaviorBatch as it arrived, in protobuf's encoding, read without any object.

Most of what a message holds is never looked at by itself: names are told apart by their hash,
columns are read where they lie. Fields that nobody here needs are passed over, those of a later
version too; the last of a field given twice counts, as protobuf has it. Groups, which protobuf gave
up before this contract was written, are refused. UTF-8 is checked when a string is first kept.

Ownership: a Message borrows the bytes that it was read from; its three tables are rooms of its
owner's, of MAX_TARGETS, MAX_TARGETS and 2 * MAX_EVENTS places.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from hotpath.hashing cimport Text


cdef enum MessageStatus:
    MESSAGE_OK = 0
    MESSAGE_MALFORMED = 1   # not protobuf, or it ends in the middle
    MESSAGE_CROWDED = 2     # more targets or strings than a batch can name


cdef enum:
    NO_POINTER = 3          # of a batch that no page has sent, but a server


# Whose message it is, as far as that is said first, as every writer of ours says it.
cdef struct Sender:
    Text tenant
    Text session
    Text stream
    const uint8_t* rest     # what follows


cdef struct Message:
    Sender sender
    Text page               # empty: the stream's last one
    Text columns
    uint64_t seq
    int64_t t0_ms
    int64_t received_at_ns  # when the edge had it; 0: not said
    int pointer             # 0 mouse, 1 touch, 2 pen, NO_POINTER
    uint32_t targets        # how many
    uint32_t strings
    Text* target            # descriptors …
    uint32_t* flags         # … and their flags
    Text* string


# Empty a message; its tables stay.
cdef void message_clear(Message* message) noexcept nogil

# Read who sent data[0:length], if that comes first: a guess, for a later field may say otherwise.
cdef void message_glance(Sender* sender, const uint8_t* data, size_t length) noexcept nogil

# Read data[0:length] into an empty message, from where a glance at it has come to.
cdef MessageStatus message_read(
    Message* message, const Sender* sender, const uint8_t* data, size_t length
) noexcept nogil
