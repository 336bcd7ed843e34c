"""What a process counts, as Prometheus reads it."""

from __future__ import annotations

import re

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


class Scrape:
    """One look at one process."""

    def __init__(self, text: str) -> None:
        self._samples: list[Sample] = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]

    @property
    def names(self) -> set[str]:
        """The metrics of ours, histograms by their own name."""
        return {
            re.sub(r"(_seconds)_(bucket|sum|count)$", r"\1", sample.name)
            for sample in self._samples
            if sample.name.startswith("siq_")
        }

    def value(self, name: str, **labels: str) -> float:
        """The sum over the samples with these labels."""
        return sum(
            sample.value
            for sample in self._samples
            if sample.name == name and sample.labels.items() >= labels.items()
        )

    def by(self, name: str, label: str) -> dict[str, int]:
        """A counter by the values of one label."""
        return {
            sample.labels[label]: int(sample.value)
            for sample in self._samples
            if sample.name == name
        }


async def scrape(address: str) -> Scrape:
    """Look at the process whose metrics are at host:port."""
    async with httpx.AsyncClient() as client:
        return Scrape((await client.get(f"http://{address}/metrics")).raise_for_status().text)
