"""Frames: one BehaviorBatch as Python values, for those who want rows of it and not feelings."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t

from hotpath.columns cimport (
    COLUMNS_OK,
    ColumnsStatus,
    ColumnsView,
    columns_check,
    columns_open,
    columns_raise,
)
from hotpath.events cimport MAX_EVENTS, MAX_TARGETS
from hotpath.hashing cimport Text, text_str
from hotpath.message cimport (
    MESSAGE_CROWDED,
    MESSAGE_OK,
    Message,
    MessageStatus,
    Sender,
    message_clear,
    message_glance,
    message_read,
)


# The tables of the one message that is being read; the GIL is held from its begin to its end.
cdef Text target_room[MAX_TARGETS]
cdef uint32_t flags_room[MAX_TARGETS]
cdef Text string_room[2 * MAX_EVENTS]


def read_frame(bytes blob not None):
    """Return the fields of a BehaviorBatch; see frame.pyi."""
    cdef Message message
    cdef Sender sender
    cdef ColumnsView columns
    cdef ColumnsStatus status
    cdef MessageStatus read
    cdef const uint8_t* data = <const uint8_t*>PyBytes_AS_STRING(blob)
    cdef size_t length = <size_t>PyBytes_GET_SIZE(blob)
    cdef uint32_t i
    message.target, message.flags, message.string = target_room, flags_room, string_room
    message_clear(&message)
    message_glance(&sender, data, length)
    read = message_read(&message, &sender, data, length)
    if read == MESSAGE_CROWDED:
        raise ValueError("a BehaviorBatch with more targets or strings than one can name")
    if read != MESSAGE_OK:
        raise ValueError("not a BehaviorBatch, or it ends in the middle")
    status = columns_open(
        &columns, <const uint8_t*>message.columns.data, <size_t>message.columns.size
    )
    if status == COLUMNS_OK:
        status = columns_check(&columns, message.targets, message.strings)
    if status != COLUMNS_OK:
        columns_raise(status)
    return (
        text_str(&message.sender.tenant),
        text_str(&message.sender.session),
        text_str(&message.sender.stream),
        message.seq,
        message.t0_ms,
        text_str(&message.page),
        message.pointer,
        message.received_at_ns,
        columns.count,
        PyBytes_FromStringAndSize(message.columns.data, message.columns.size),
        [text_str(&message.target[i]) for i in range(message.targets)],
        [message.flags[i] for i in range(message.targets)],
        [text_str(&message.string[i]) for i in range(message.strings)],
    )
