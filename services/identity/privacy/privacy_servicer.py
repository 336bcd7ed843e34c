"""PrivacyService: protobuf in, protobuf out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

from sentientiq.identity.v1 import privacy_service_pb2 as pb
from sentientiq.identity.v1 import privacy_service_pb2_grpc as rpc

from services.common.auth import principal
from services.common.errors import InvalidArgument
from services.identity import validate
from services.identity.company.address import email_of
from services.identity.envelope import MOST_ID
from services.identity.privacy.consent import Consent
from services.identity.privacy.consents import Consents
from services.identity.privacy.erase import Eraser
from services.identity.privacy.export import Exporter
from services.identity.privacy.subjects import DataSubject, Kind
from services.identity.privacy.targets import Ref

_MOST_USER_ID = 256
_MOST_CONSENTS = 10
_MOST_MS = 2**53
_SOURCES = ("banner", "preferences", "support", "browser", "import")
_PREFIX = "CONSENT_TOPIC_"


class PrivacyServicer(rpc.PrivacyServiceServicer):
    """What data subjects may ask for."""

    def __init__(self, eraser: Eraser, exporter: Exporter, consents: Consents) -> None:
        self._eraser = eraser
        self._exporter = exporter
        self._consents = consents

    async def EraseSubject(
        self, request: pb.EraseSubjectRequest, context: Any
    ) -> pb.EraseSubjectResponse:
        tenant_id = _allowed(request.tenant_id)
        ref = _ref(request.subject)
        key = validate.text("idempotency_key", request.idempotency_key, most=MOST_ID)
        certificate = await self._eraser.erase(tenant_id, ref, key)
        return pb.EraseSubjectResponse(
            certificate=certificate.body,
            signature=certificate.signature,
            public_key=self._eraser.signer.public_key,
        )

    async def ExportSubject(
        self, request: pb.ExportSubjectRequest, context: Any
    ) -> AsyncIterator[pb.ExportSubjectResponse]:
        tenant_id = _allowed(request.tenant_id)
        async for page in self._exporter.export(tenant_id, _ref(request.subject)):
            yield pb.ExportSubjectResponse(records=page)

    async def SetConsent(
        self, request: pb.SetConsentRequest, context: Any
    ) -> pb.SetConsentResponse:
        tenant_id = _allowed(request.tenant_id)
        subject = _named(request.subject)
        if not 1 <= len(request.consents) <= _MOST_CONSENTS:
            raise InvalidArgument(
                f"consents: expected 1 to {_MOST_CONSENTS}, was {len(request.consents)}"
            )
        read = [_consent(f"consents[{n}]", one) for n, one in enumerate(request.consents)]
        return pb.SetConsentResponse(
            consents=_shown(await self._consents.put(tenant_id, subject, read))
        )

    async def GetConsent(
        self, request: pb.GetConsentRequest, context: Any
    ) -> pb.GetConsentResponse:
        tenant_id = _allowed(request.tenant_id)
        found = await self._consents.of(tenant_id, _named(request.subject))
        return pb.GetConsentResponse(consents=_shown(found.values()))


def _allowed(tenant_id: str) -> str:
    principal().require_role("mesh", "operator")
    validate.tenant_id("tenant_id", tenant_id)
    principal().require_tenant(tenant_id)
    return tenant_id


def _ref(message: pb.SubjectRef) -> Ref:
    named = message.WhichOneof("ref")
    if named == "user_id":
        return Ref("user", validate.text("subject.user_id", message.user_id, most=_MOST_USER_ID))
    if named == "session_id":
        session_id = validate.text("subject.session_id", message.session_id, most=MOST_ID)
        return Ref("session", session_id)
    if named == "email":
        email = email_of(message.email)
        if not email:
            raise InvalidArgument("subject.email: expected an e-mail address")
        return Ref("email", email)
    raise InvalidArgument("subject: expected user_id, email or session_id")


def _named(message: pb.SubjectRef) -> DataSubject:
    ref = _ref(message)
    if ref.kind == "email":
        raise InvalidArgument("subject.email: expected user_id or session_id: several may share it")
    return DataSubject(cast("Kind", ref.kind), ref.name)


def _consent(field: str, message: pb.Consent) -> Consent:
    if message.topic not in pb.ConsentTopic.values() or not message.topic:
        raise InvalidArgument(f"{field}.topic: expected a topic")
    if not 0 < message.at_ms < _MOST_MS:
        raise InvalidArgument(f"{field}.at_ms: expected Unix epoch milliseconds")
    topic = pb.ConsentTopic.Name(message.topic).removeprefix(_PREFIX).lower()
    source = validate.one_of(f"{field}.source", message.source, _SOURCES)
    return Consent(topic, message.granted, source, message.at_ms)


def _shown(consents: Iterable[Consent]) -> list[pb.Consent]:
    return [
        pb.Consent(
            topic=pb.ConsentTopic.Value(_PREFIX + one.topic.upper()),
            granted=one.granted,
            source=one.source,
            at_ms=one.at_ms,
        )
        for one in consents
    ]
