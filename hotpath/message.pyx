"""Messages: one BehaviorBatch as it arrived, in protobuf's encoding, read without any object."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from hotpath.events cimport MAX_EVENTS, MAX_TARGETS
from hotpath.wire cimport LENGTH, VARINT, Field, Reader, no_field, no_text, read_field, reader_of


# Field number and wire type of each field of proto/sentientiq/behavior/v1/types.proto.
cdef enum Tag:
    TENANT = 1 << 3 | LENGTH
    SESSION = 2 << 3 | LENGTH
    STREAM = 3 << 3 | LENGTH
    SEQ = 4 << 3 | VARINT
    T0 = 5 << 3 | VARINT
    PAGE = 6 << 3 | LENGTH
    POINTER = 7 << 3 | VARINT
    COLUMNS = 9 << 3 | LENGTH
    TARGETS = 10 << 3 | LENGTH
    STRINGS = 11 << 3 | LENGTH
    RECEIVED = 12 << 3 | VARINT
    TARGET_DESCRIPTOR = 1 << 3 | LENGTH
    TARGET_FLAGS = 2 << 3 | VARINT
    OTHER_POINTER = 255     # a kind of pointer that there is not yet


cdef bint read_target(const Text* source, Text* descriptor, uint32_t* flags) noexcept nogil:
    cdef Reader reader = reader_of(<const uint8_t*>source.data, source.size)
    cdef Field field = no_field()
    descriptor.data = source.data
    descriptor.size = 0
    flags[0] = 0
    while reader.at < reader.end:
        if not read_field(&reader, &field):
            return False
        if field.tag == TARGET_DESCRIPTOR:
            descriptor[0] = field.text
        elif field.tag == TARGET_FLAGS:
            flags[0] = <uint32_t>field.number
    return True


cdef void sender_clear(Sender* sender) noexcept nogil:
    sender.tenant = sender.session = sender.stream = no_text()


cdef inline bint take_sender(Sender* sender, const Field* field) noexcept nogil:
    """Take a field if it says who sent the message; say whether it does."""
    if field.tag == TENANT:
        sender.tenant = field.text
    elif field.tag == SESSION:
        sender.session = field.text
    elif field.tag == STREAM:
        sender.stream = field.text
    else:
        return False
    return True


cdef void message_clear(Message* message) noexcept nogil:
    sender_clear(&message.sender)
    message.page = message.columns = no_text()
    message.seq = 0
    message.t0_ms = 0
    message.received_at_ns = 0
    message.pointer = 0
    message.targets = message.strings = 0


cdef void message_glance(Sender* sender, const uint8_t* data, size_t length) noexcept nogil:
    cdef Reader reader
    cdef Field field = no_field()
    sender_clear(sender)
    reader.at = sender.rest = data
    reader.end = data + length
    while reader.at < reader.end and reader.at[0] <= STREAM:
        if not read_field(&reader, &field) or not take_sender(sender, &field):
            return
        sender.rest = reader.at


cdef MessageStatus message_read(
    Message* message, const Sender* sender, const uint8_t* data, size_t length
) noexcept nogil:
    cdef Reader reader
    cdef Field field = no_field()
    message.sender = sender[0]
    reader.at = sender.rest
    reader.end = data + length
    while reader.at < reader.end:
        if not read_field(&reader, &field):
            return MESSAGE_MALFORMED
        if field.tag == SEQ:
            message.seq = field.number
        elif field.tag == T0:
            message.t0_ms = <int64_t>field.number
        elif field.tag == PAGE:
            message.page = field.text
        elif field.tag == COLUMNS:
            message.columns = field.text
        elif field.tag == TARGETS:
            if message.targets == MAX_TARGETS:
                return MESSAGE_CROWDED
            if not read_target(
                &field.text, &message.target[message.targets], &message.flags[message.targets]
            ):
                return MESSAGE_MALFORMED
            message.targets += 1
        elif field.tag == STRINGS:
            if message.strings == 2 * MAX_EVENTS:
                return MESSAGE_CROWDED
            message.string[message.strings] = field.text
            message.strings += 1
        elif field.tag == POINTER:
            message.pointer = <int>min(<uint64_t>OTHER_POINTER, <uint64_t><uint32_t>field.number)
        elif field.tag == RECEIVED:
            message.received_at_ns = <int64_t>field.number
        else:
            take_sender(&message.sender, &field)
    return MESSAGE_OK
