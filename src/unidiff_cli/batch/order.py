"""From what is asked of a batch to a run that can begin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from unidiff_cli.batch import ray
from unidiff_cli.batch.crew import Alone, Crew, Processes, specs_for
from unidiff_cli.batch.manifest import DEFAULT_SEED, Manifest, stored_manifest
from unidiff_cli.batch.run import Run, Survey, survey
from unidiff_cli.batch.shard import Shard
from unidiff_cli.batch.source import FileLines, PipeLines
from unidiff_cli.batch.store import opened
from unidiff_cli.batch.worker import Spec, Worker
from unidiff_cli.errors import UsageError

if TYPE_CHECKING:
    from unidiff_cli.engine.pipeline import UniDiffuser


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked of a batch."""

    jobs: Path | None
    """The file of jobs; None is a stream of them."""
    descriptor: int = 0
    """Of the stream; standard input's."""
    folder: Path
    spec: Spec
    seed: int | None = None
    shard: Shard | None = None
    workers: int | None = 1
    """Processes, or actors of the cluster; None is one for each GPU."""
    ray: str | None = None
    """The address of a Ray cluster, or "local"."""

    @cached_property
    def survey(self) -> Survey | None:
        """What is in the file of jobs; None where nobody knows it before it comes."""
        return None if self.jobs is None else survey(self.jobs, self.shard)

    @property
    def custom_ids(self) -> list[str] | None:
        """Of the file's jobs, in their order."""
        return self.survey.custom_ids if self.survey else None

    @contextmanager
    def begun(self) -> Iterator[Run]:
        """The run, its folder locked; refused before anything heavy is loaded, where possible."""
        if self.ray and self.jobs is None:
            raise UsageError(
                "usage.needs-option",
                "--ray works on a file of jobs.",
                "Leave out --ray, or name a file.",
            )
        _ = self.survey
        found = stored_manifest(self.folder)
        # On a cluster this process asks its model for defaults only, with whatever device it has.
        model = (replace(self.spec, device="auto") if self.ray else self.spec).load()
        if self.ray:
            ray.connect(self.ray)
        workers = self.workers or (ray.accelerators() if self.ray else _accelerators(model))
        # Workers choose nothing: what is left open here is what it is for all of them.
        chosen = replace(self.spec, model=self.spec.model or model.made_with["model"])
        made_with = ray.made_with(chosen) if self.ray else model.made_with
        manifest = self._manifest(made_with, workers, found)
        spec = replace(chosen, threads=manifest.threads, dtype=made_with["dtype"])
        with opened(self.folder, manifest, self.shard) as store:
            yield Run(
                model=model,
                source=PipeLines(self.descriptor) if self.jobs is None else FileLines(self.jobs),
                crew=self._crew(model, spec, workers),
                store=store,
                seed=manifest.seed,
                shard=self.shard,
                batch_size=spec.batch_size or self._usual_on_cluster(),
                recall=self.jobs is None,
            )

    def _manifest(
        self, made_with: Mapping[str, str], workers: int, found: Manifest | None
    ) -> Manifest:
        """The folder's seed and threads where it has them, so that nothing depends on workers."""
        made_with = dict(made_with)
        threads = int(made_with.pop("threads"))
        seed = found.seed if found else DEFAULT_SEED
        return Manifest(
            seed=seed if self.seed is None else self.seed,
            threads=found.threads if found else threads if self.ray else max(1, threads // workers),
            made_with=made_with,
        )

    def _usual_on_cluster(self) -> int | None:
        """Samples that the cluster's GPUs make at once; None where this process knows better."""
        if self.ray and self.spec.memory == "auto" and ray.gpus(self.spec):
            from unidiff_cli.engine.pipeline import BATCH_ON_CUDA

            return BATCH_ON_CUDA
        return None

    def _crew(self, model: UniDiffuser, spec: Spec, workers: int) -> Crew:
        if self.ray:
            return ray.RayCrew(spec, workers)
        if workers > 1:
            return Processes(specs_for(spec, workers, model.device.type))
        import torch

        torch.set_num_threads(spec.threads or 1)
        return Alone(Worker(model, spec))


def _accelerators(model: UniDiffuser) -> int:
    import torch

    return max(1, torch.cuda.device_count()) if model.device.type == "cuda" else 1
