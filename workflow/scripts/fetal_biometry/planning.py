"""A mend of how Snakemake plans: `ancient` inputs hide no job from it."""

from snakemake.dag import DAG


class _WithoutAncient:
    """Which jobs take files of a job, by job, but for those that take them all as ancient."""

    def __init__(self, depending):
        self._depending = depending

    def __getitem__(self, job):
        return {
            other: files for other, files in self._depending[job].items() if not all(file.is_ancient for file in files)
        }


def look_behind_ancient_files() -> None:
    """Have Snakemake look at the jobs behind an ancient file, also where another job makes it anew.

    Of the jobs downstream of one that has to run, Snakemake (9.27) looks at none, since they will have to run for its
    sake. For the sake of an ancient file they will not, and so nobody asks what else they lack: after a kill or a
    failed job a run could end well with results missing or old (its issue 4166).
    """
    if hasattr(DAG, "_looks_behind_ancient_files"):
        return
    update, walk = DAG.update_needrun, DAG.bfs

    async def update_needrun(self, *arguments, **named):
        self._looks_behind_ancient_files = True
        try:
            await update(self, *arguments, **named)
        finally:
            self._looks_behind_ancient_files = False

    def bfs(self, direction, *jobs, **named):
        if self._looks_behind_ancient_files and direction is self.depending:
            direction = _WithoutAncient(direction)
        return walk(self, direction, *jobs, **named)

    DAG.update_needrun, DAG.bfs, DAG._looks_behind_ancient_files = update_needrun, bfs, False
