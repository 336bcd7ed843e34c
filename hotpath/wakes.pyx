"""Wakes: timers that streams have pending, written as the answer that names them."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, realloc

from hotpath.hashing cimport text_open, text_str
from hotpath.varint cimport field_size, put_field, put_varint, varint_size


cdef enum:
    WAKE = 3 << 3 | 2           # field 3 of DetectResponse
    TENANT = 1 << 3 | 2         # of Wake, as the next
    SESSION = 2 << 3 | 2
    STREAM = 3 << 3 | 2
    DUE = 4 << 3
    MOST_VARINT = 10            # bytes
    FIRST_ROOM = 4096


cdef class Wakes:
    """Timers named since the last `take`."""

    def __dealloc__(self):
        free(self.data)

    cdef int put(
        self, const Text* tenant, const Text* session, const Text* stream, int64_t due_ms
    ) except -1:
        """Name one."""
        cdef Py_ssize_t inner = (
            field_size(tenant.size) + field_size(session.size) + field_size(stream.size)
            + 1 + varint_size(<uint64_t>due_ms)
        )
        cdef Py_ssize_t most = 1 + MOST_VARINT + inner
        cdef uint8_t* out
        if self.size + most > self.room:
            room = max(2 * self.room, self.size + most, FIRST_ROOM)
            out = <uint8_t*>realloc(self.data, room)
            if out == NULL:
                raise MemoryError()
            self.data, self.room = out, room
        out = self.data + self.size
        out[0] = WAKE
        out = put_varint(out + 1, <uint64_t>inner)
        out = put_field(out, TENANT, tenant.data, tenant.size)
        out = put_field(out, SESSION, session.data, session.size)
        out = put_field(out, STREAM, stream.data, stream.size)
        out[0] = DUE
        out = put_varint(out + 1, <uint64_t>due_ms)
        self.size = out - self.data
        return 0

    cdef bytes take(self):
        """Hand over what was named."""
        taken = PyBytes_FromStringAndSize(<const char*>self.data, self.size)
        self.size = 0
        return taken


cdef int wakes_put(Wakes wakes, tuple stream, int64_t due_ms) except -1:
    """Name a timer of a stream by its (tenant, session, stream)."""
    cdef Text tenant, session, name
    text_open(&tenant, stream[0])
    text_open(&session, stream[1])
    text_open(&name, stream[2])
    return wakes.put(&tenant, &session, &name, due_ms)


cdef uint64_t read_varint(const uint8_t** at) noexcept nogil:
    cdef uint64_t value = 0
    cdef int shift = 0
    while at[0][0] >= 0x80:
        value |= <uint64_t>(at[0][0] & 0x7F) << shift
        shift += 7
        at[0] += 1
    value |= <uint64_t>at[0][0] << shift
    at[0] += 1
    return value


cdef str read_text(const uint8_t** at):
    cdef Text text
    at[0] += 1
    text.size = <Py_ssize_t>read_varint(at)
    text.data = <const char*>at[0]
    at[0] += text.size
    return text_str(&text)


cdef list wakes_list(bytes encoded):
    """Read what `take` gave: our own writing, so it is not checked."""
    cdef const uint8_t* at = <const uint8_t*>PyBytes_AS_STRING(encoded)
    cdef const uint8_t* end = at + PyBytes_GET_SIZE(encoded)
    cdef list found = []
    while at < end:
        at += 1
        read_varint(&at)
        tenant, session, stream = read_text(&at), read_text(&at), read_text(&at)
        at += 1
        found.append((tenant, session, stream, <int64_t>read_varint(&at)))
    return found
