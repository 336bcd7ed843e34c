"""Errors that callers may see, one leaf for each gRPC status a servicer may answer with.

    ServiceError
    ├── InvalidArgument      the caller must change the request
    ├── Unauthenticated      no or bad token
    ├── PermissionDenied     a token, but not for this tenant or role
    ├── NotFound
    ├── AlreadyExists
    ├── FailedPrecondition   right request, wrong moment
    ├── ResourceExhausted    slow down
    └── Unavailable          try again; something this process needs is away

Servicers raise these and never import grpc; the interceptor in `auth.py` maps them.
"""

from __future__ import annotations


class ServiceError(Exception):
    """Base of all errors that reach a caller."""

    code = "INTERNAL"


class InvalidArgument(ServiceError):
    """The request is malformed; the message names the field and the mend."""

    code = "INVALID_ARGUMENT"


class Unauthenticated(ServiceError):
    """No bearer token, or one that does not verify."""

    code = "UNAUTHENTICATED"


class PermissionDenied(ServiceError):
    """The token does not reach this tenant or role."""

    code = "PERMISSION_DENIED"


class NotFound(ServiceError):
    """What was named does not exist."""

    code = "NOT_FOUND"


class AlreadyExists(ServiceError):
    """What was to be created exists."""

    code = "ALREADY_EXISTS"


class FailedPrecondition(ServiceError):
    """The system is not in the state the request needs."""

    code = "FAILED_PRECONDITION"


class ResourceExhausted(ServiceError):
    """A quota or buffer is full."""

    code = "RESOURCE_EXHAUSTED"


class Unavailable(ServiceError):
    """A dependency is away; the same request may succeed later."""

    code = "UNAVAILABLE"
