"""A mend of how Snakemake plans: an `ancient` input neither causes a job nor hides what else it lacks."""


class _WithoutAncient:
    """Which jobs take which files of a job, but for those jobs that take them all as ancient."""

    def __init__(self, depending):
        self._depending = depending

    def __getitem__(self, job):
        taken = self._depending[job].items()
        return {other: files for other, files in taken if not all(file.is_ancient for file in files)}


def plan_past_ancient_files() -> None:
    """Let ancient files say in which order jobs run, and not which of them run.

    Of all jobs downstream of one that has to run, Snakemake (9.27) looks at none, since they have to run for its sake.
    For that of an ancient file they have not, and nobody asks what else they lack: after a kill or a failure a run
    could end well with results missing or old (its issue 4166). Where the ancient file was gone, half-written, they
    ran instead, and a network was trained anew.
    """
    from snakemake.dag import DAG  # which cannot be imported before Snakemake's other modules

    if hasattr(DAG, "plans_past_ancient_files"):
        return
    update = DAG.update_needrun

    async def update_needrun(self, *arguments, **named):
        depending, self.depending = self.depending, _WithoutAncient(self.depending)
        try:
            await update(self, *arguments, **named)
        finally:
            self.depending = depending

    DAG.update_needrun, DAG.plans_past_ancient_files = update_needrun, True
