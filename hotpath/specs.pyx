"""The field table of fields.py as C structs."""

from libc.string cimport memset

from hotpath import fields

_LIMITS = {fields.FieldKind.FLAG: lambda field: 2,
           fields.FieldKind.CHOICE: lambda field: len(field.names),
           fields.FieldKind.BITS: lambda field: 1 << len(field.names)}


cdef _load_specs():
    """Copy the field table into C, once, at import."""
    cdef EventSpec* spec
    memset(SPECS, 0, sizeof(SPECS))
    for kind, table in fields.EVENTS.items():
        spec = &SPECS[<int>kind]
        spec.known = True
        spec.client = kind not in fields.NOT_FROM_CLIENTS
        spec.arity = len(table)
        for position, field in enumerate(table):
            spec.fields[position].kind = field.kind
            spec.fields[position].column = field.column
            spec.fields[position].optional = field.optional
            spec.fields[position].limit = _LIMITS.get(field.kind, lambda field: 0)(field)
            if not field.optional:
                spec.needed = position + 1


_load_specs()
