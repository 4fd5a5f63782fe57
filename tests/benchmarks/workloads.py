"""What is run: shapes of pipelines with seeded durations, and how long each takes if nobody adds anything."""

import random
from dataclasses import dataclass, replace

SPREAD = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """`layers` of `width` jobs of about `seconds` each; a layer needs the whole layer before. Goals as the table shows them."""

    name: str
    told: str
    layers: int
    width: int
    seconds: float
    makespan: float
    requests: float
    cpu: float | None = None
    memory_mb: float | None = None
    latency: float = 0.001
    max_connections: int | None = None
    max_parallel: int | None = None

    @property
    def jobs(self) -> int:
        return self.layers * self.width

    def in_small(self) -> "Workload":
        """The same shape in a second: that it runs, not how fast."""
        return replace(self, layers=min(self.layers, 2), width=min(self.width, 3), seconds=0.2, latency=0.001)

    def durations(self, seed: int = 1) -> list[float]:
        """Seconds of each job, layer after layer: spread evenly, so that neither round numbers nor memory help."""
        drawn = random.Random(seed)
        return [self.seconds * drawn.uniform(1 - SPREAD, 1 + SPREAD) for _ in range(self.jobs)]

    def ideal(self, durations: list[float]) -> float:
        """Seconds of the critical path; with bounded places, the work divided among them if that is more."""
        layers = [durations[at : at + self.width] for at in range(0, self.jobs, self.width)]
        path = sum(max(layer) for layer in layers)
        return max(path, sum(durations) / self.max_parallel if self.max_parallel else 0.0)

    def pipeline(self, url: str) -> str:
        """The YAML."""
        lines = ["version: 1", f"name: {self.name.lower()}", f"server: {{url: '{url}'}}"]
        if self.max_parallel:
            lines.append(f"concurrency: {{max_parallel: {self.max_parallel}}}")
        if self.max_connections:
            lines.append(f"http: {{max_connections: {self.max_connections}}}")
        lines.append("jobs:")
        for at in range(self.jobs):
            layer = at // self.width
            before = range((layer - 1) * self.width + 1, layer * self.width + 1)
            needs = f"needs: [{', '.join(f'j{n}' for n in before)}], " if layer else ""
            lines.append(f"  j{at + 1}: {{{needs}trigger: {at + 1}}}")
        return "\n".join(lines) + "\n"


W1 = Workload(
    name="W1",
    told="chain of 10 jobs of about 1 s",
    layers=10,
    width=1,
    seconds=1.0,
    makespan=1.06,
    requests=8.0,
    cpu=0.6,
)
W2 = Workload(
    name="W2", told="200 jobs of about 2 s", layers=1, width=200, seconds=2.0, makespan=1.20, requests=3.5, cpu=1.2
)
W3 = Workload(
    name="W3",
    told="10 layers of 20 jobs of about 1 s",
    layers=10,
    width=20,
    seconds=1.0,
    makespan=1.07,
    requests=4.5,
    cpu=1.2,
)
W4 = Workload(
    name="W4", told="200 jobs of about 60 s", layers=1, width=200, seconds=60.0, makespan=1.02, requests=4.0, cpu=1.5
)
W5 = Workload(
    name="W5", told="W3, each answer 100 ms late, 20 connections", layers=10, width=20, seconds=1.0, makespan=1.7, requests=4.5,
    latency=0.1, max_connections=20,
)  # fmt: skip
W6 = Workload(
    name="W6", told="10,000 jobs of about 5 s, 500 at a time", layers=1, width=10_000, seconds=5.0, makespan=1.10,
    requests=4.5, cpu=30.0, memory_mb=150.0, max_parallel=500,
)  # fmt: skip
ALL = (W1, W2, W3, W4, W5, W6)
