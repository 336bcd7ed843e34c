"""Messages: one BehaviorBatch as it arrived, in protobuf's encoding, read without any object."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from hotpath.events cimport MAX_EVENTS, MAX_TARGETS
from hotpath.wire cimport (
    LENGTH,
    VARINT,
    Field,
    Reader,
    expect_number,
    expect_text,
    no_field,
    no_text,
    read_field,
    reader_of,
)


# Field number and wire type of each field of proto/sentientiq/behavior/v1/types.proto.
cdef enum Tag:
    TENANT = 1 << 3 | LENGTH
    SESSION = 2 << 3 | LENGTH
    STREAM = 3 << 3 | LENGTH
    SEQ = 4 << 3 | VARINT
    T0 = 5 << 3 | VARINT
    PAGE = 6 << 3 | LENGTH
    POINTER = 7 << 3 | VARINT
    COUNT = 8 << 3 | VARINT     # nobody's here: columns say it, too
    COLUMNS = 9 << 3 | LENGTH
    TARGETS = 10 << 3 | LENGTH
    STRINGS = 11 << 3 | LENGTH
    RECEIVED = 12 << 3 | VARINT
    TARGET_DESCRIPTOR = 1 << 3 | LENGTH
    TARGET_FLAGS = 2 << 3 | VARINT
    OTHER_POINTER = 255     # a kind of pointer that there is not yet


cdef bint read_target(const Text* source, Text* descriptor, uint32_t* flags) noexcept nogil:
    cdef Reader reader = reader_of(<const uint8_t*>source.data, source.size)
    cdef Field field
    cdef uint64_t number = 0
    descriptor.data = source.data
    descriptor.size = 0
    if not (
        expect_text(&reader, TARGET_DESCRIPTOR, descriptor)
        and expect_number(&reader, TARGET_FLAGS, &number)
    ):
        return False
    flags[0] = <uint32_t>number
    if reader.at == reader.end:
        return True
    field = no_field()
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


cdef inline void take_sender(Sender* sender, const Field* field) noexcept nogil:
    """Take a field if it says who sent the message."""
    if field.tag == TENANT:
        sender.tenant = field.text
    elif field.tag == SESSION:
        sender.session = field.text
    elif field.tag == STREAM:
        sender.stream = field.text


cdef void message_clear(Message* message) noexcept nogil:
    sender_clear(&message.sender)
    message.page = message.columns = no_text()
    message.seq = 0
    message.t0_ms = 0
    message.received_at_ns = 0
    message.pointer = 0
    message.targets = message.strings = 0


cdef void message_glance(Sender* sender, const uint8_t* data, size_t length) noexcept nogil:
    cdef Reader reader = reader_of(data, <Py_ssize_t>length)
    sender_clear(sender)
    sender.rest = data
    if expect_text(&reader, TENANT, &sender.tenant):
        sender.rest = reader.at
        if expect_text(&reader, SESSION, &sender.session):
            sender.rest = reader.at
            if expect_text(&reader, STREAM, &sender.stream):
                sender.rest = reader.at


cdef inline MessageStatus take_target(Message* message, const Text* source) noexcept nogil:
    if message.targets == MAX_TARGETS:
        return MESSAGE_CROWDED
    if not read_target(
        source, &message.target[message.targets], &message.flags[message.targets]
    ):
        return MESSAGE_MALFORMED
    message.targets += 1
    return MESSAGE_OK


cdef inline MessageStatus take_string(Message* message, const Text* source) noexcept nogil:
    if message.strings == 2 * MAX_EVENTS:
        return MESSAGE_CROWDED
    message.string[message.strings] = source[0]
    message.strings += 1
    return MESSAGE_OK


cdef inline void take_pointer(Message* message, uint64_t number) noexcept nogil:
    message.pointer = <int>min(<uint64_t>OTHER_POINTER, <uint64_t><uint32_t>number)


cdef MessageStatus read_expected(Message* message, Reader* reader) noexcept nogil:
    """Read what stands in the order of the fields' numbers, as writers put it."""
    cdef uint64_t pointer = 0, count
    cdef Text text
    cdef MessageStatus status
    if not (
        expect_number(reader, SEQ, &message.seq)
        and expect_number(reader, T0, <uint64_t*>&message.t0_ms)
        and expect_text(reader, PAGE, &message.page)
        and expect_number(reader, POINTER, &pointer)
        and expect_number(reader, COUNT, &count)
        and expect_text(reader, COLUMNS, &message.columns)
    ):
        return MESSAGE_MALFORMED
    take_pointer(message, pointer)
    while reader.at < reader.end and reader.at[0] == TARGETS:
        if not expect_text(reader, TARGETS, &text):
            return MESSAGE_MALFORMED
        status = take_target(message, &text)
        if status != MESSAGE_OK:
            return status
    while reader.at < reader.end and reader.at[0] == STRINGS:
        if not expect_text(reader, STRINGS, &text):
            return MESSAGE_MALFORMED
        status = take_string(message, &text)
        if status != MESSAGE_OK:
            return status
    if not expect_number(reader, RECEIVED, <uint64_t*>&message.received_at_ns):
        return MESSAGE_MALFORMED
    return MESSAGE_OK


cdef MessageStatus read_others(Message* message, Reader* reader) noexcept nogil:
    """Read whatever else stands there, in any order."""
    cdef Field field = no_field()
    cdef MessageStatus status = MESSAGE_OK
    while status == MESSAGE_OK and reader.at < reader.end:
        if not read_field(reader, &field):
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
            status = take_target(message, &field.text)
        elif field.tag == STRINGS:
            status = take_string(message, &field.text)
        elif field.tag == POINTER:
            take_pointer(message, field.number)
        elif field.tag == RECEIVED:
            message.received_at_ns = <int64_t>field.number
        else:
            take_sender(&message.sender, &field)
    return status


cdef MessageStatus message_read(
    Message* message, const Sender* sender, const uint8_t* data, size_t length
) noexcept nogil:
    cdef Reader reader
    cdef MessageStatus status
    message.sender = sender[0]
    reader.at = sender.rest
    reader.end = data + length
    status = read_expected(message, &reader)
    if status == MESSAGE_OK and reader.at < reader.end:
        status = read_others(message, &reader)
    return status
