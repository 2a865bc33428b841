"""A mend of how Snakemake plans: an `ancient` input neither causes a job nor hides what else it lacks."""

from snakemake.dag import DAG


class _WithoutAncient:
    """Which jobs take which files of a job, but for those jobs that take them all as ancient."""

    def __init__(self, depending):
        self._depending = depending

    def __getitem__(self, job):
        plain = {}
        for other, files in self._depending[job].items():
            if not all(file.is_ancient for file in files):
                plain[other] = files
        return plain


def plan_past_ancient_files() -> None:
    """Have Snakemake decide which jobs run as if those that make ancient files came before them, and no more.

    Of all jobs downstream of one that has to run, Snakemake (9.27) looks at none, since they have to run for its sake.
    For that of an ancient file they have not, and nobody asks what else they lack: after a kill or a failure a run
    could end well with results missing or old (its issue 4166). Where the ancient file was gone, half-written, they
    ran instead, and a network was trained anew.
    """
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
