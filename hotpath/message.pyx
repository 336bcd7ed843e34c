"""Messages: one BehaviorBatch as it arrived, in protobuf's encoding, read without any object."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from hotpath.events cimport MAX_EVENTS, MAX_TARGETS


cdef enum WireType:
    VARINT = 0
    FIXED64 = 1
    LENGTH = 2
    FIXED32 = 5


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
    TARGET_DESCRIPTOR = 1 << 3 | LENGTH
    TARGET_FLAGS = 2 << 3 | VARINT
    MAX_VARINT = 10         # bytes
    OTHER_POINTER = 255     # a kind of pointer that there is not yet


cdef Text NOTHING = Text(b"", 0)


# Where reading has come to.
cdef struct Reader:
    const uint8_t* at
    const uint8_t* end


# One field, read: a number, or the bytes of one with a length.
cdef struct Field:
    uint64_t tag
    uint64_t number
    Text text


cdef bint read_long_varint(Reader* reader, uint64_t* value) noexcept nogil:
    cdef const uint8_t* at = reader.at
    cdef const uint8_t* end = min(reader.end, at + MAX_VARINT)
    cdef uint64_t read = 0
    cdef int shift = 0
    while at < end:
        read |= <uint64_t>(at[0] & 0x7F) << shift       # bits beyond the 64th are dropped
        if at[0] < 0x80:
            value[0] = read
            reader.at = at + 1
            return True
        at += 1
        shift += 7
    return False


cdef inline bint read_varint(Reader* reader, uint64_t* value) noexcept nogil:
    if reader.at < reader.end and reader.at[0] < 0x80:
        value[0] = reader.at[0]
        reader.at += 1
        return True
    return read_long_varint(reader, value)


cdef inline bint read_field(Reader* reader, Field* field) noexcept nogil:
    """Read the next field; say whether it could be read."""
    cdef uint64_t length
    if not read_varint(reader, &field.tag) or field.tag >> 3 == 0 or field.tag >> 32:
        return False
    if field.tag & 7 == VARINT:
        return read_varint(reader, &field.number)
    if field.tag & 7 == LENGTH:
        if not read_varint(reader, &length) or length > <uint64_t>(reader.end - reader.at):
            return False
        field.text.data = <const char*>reader.at
        field.text.size = <Py_ssize_t>length
    elif field.tag & 7 == FIXED64:
        length = 8
    elif field.tag & 7 == FIXED32:
        length = 4
    else:
        return False
    if length > <uint64_t>(reader.end - reader.at):
        return False
    reader.at += length
    return True


cdef bint read_target(const Text* source, Text* descriptor, uint32_t* flags) noexcept nogil:
    cdef Reader reader
    cdef Field field = Field(0, 0, NOTHING)
    reader.at = <const uint8_t*>source.data
    reader.end = reader.at + source.size
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
    sender.tenant = sender.session = sender.stream = NOTHING


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
    message.page = message.columns = NOTHING
    message.seq = 0
    message.t0_ms = 0
    message.pointer = 0
    message.targets = message.strings = 0


cdef void message_glance(Sender* sender, const uint8_t* data, size_t length) noexcept nogil:
    cdef Reader reader
    cdef Field field = Field(0, 0, NOTHING)
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
    cdef Field field = Field(0, 0, NOTHING)
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
        else:
            take_sender(&message.sender, &field)
    return MESSAGE_OK
