"""Gates in Jobs of the cluster (`runner: kubernetes`): what a Job is asked (request), what it answers (result), its
work (work), and how a run here begins it, follows it and takes its answer (follow). values writes both as JSON."""
