"""The model's numbers are the contract's."""

from __future__ import annotations

from sentientiq.identity.v1 import identity_service_pb2 as pb

from services.identity.model import Assurance, Tier


def test_tiers_have_the_numbers_of_the_proto() -> None:
    assert pb.Tier.Name(pb.Tier.ValueType(Tier.UNKNOWN)) == "TIER_UNSPECIFIED"
    for tier in (Tier.STARTER, Tier.GROWTH, Tier.ENTERPRISE):
        assert pb.Tier.Value(f"TIER_{tier.name}") == tier


def test_assurances_have_the_numbers_of_the_proto() -> None:
    assert pb.Assurance.Name(pb.Assurance.ValueType(Assurance.ANONYMOUS)) == "ASSURANCE_UNSPECIFIED"
    for assurance in (Assurance.INFERRED, Assurance.CLAIMED, Assurance.VERIFIED):
        assert pb.Assurance.Value(f"ASSURANCE_{assurance.name}") == assurance
