"""The stages of a run, and the places in the bucket that they read and write."""

from dataclasses import dataclass

INGEST, FEATURIZE = "ingest_images", "featurize_images"
REDUCE, VALIDATE = "reduce_features", "validate_run"


@dataclass(frozen=True)
class Place:
    """A place in the bucket; `path` is below the bucket and may hold {run} and {stage}. Folders end without a slash."""

    name: str
    path: str
    holds: str

    @property
    def option(self) -> str:
        """The job's option: `pca_features` is `--pca-features-uri`."""
        return f"--{self.name.replace('_', '-')}-uri"


PLACES = {
    place.name: place
    for place in (
        Place("manifest", "runs/{run}/manifest", "the list of the run's objects"),
        Place("inventory", "runs/{run}/inventory.csv.gz", "the listing that the manifest was made from: one file"),
        Place("images", "runs/{run}/images", "the original bytes of the images that this run fetched"),
        Place("rejects", "runs/{run}/rejects", "what was set aside and why; a writer adds `stage=<its name>`"),
        Place("features", "runs/{run}/features", "a feature vector of each image"),
        Place("looks", "runs/{run}/looks", "size, quality and a thumbnail of each image"),
        Place("model", "runs/{run}/model", "the StandardScaler and PCA, as a Spark ML PipelineModel"),
        Place("pca_features", "runs/{run}/pca_features", "the reduced vector of each image"),
        Place("pca_features_csv", "runs/{run}/pca_features_csv", "the PCA features as a table, where asked for"),
        Place(
            "groups",
            "runs/{run}/groups",
            "the group of near-duplicates of each image, and a split that no group crosses",
        ),
        Place(
            "suspects",
            "runs/{run}/suspects",
            "the images with a doubtful label or a flaw, and `labels.csv` to correct them",
        ),
        Place(
            "report",
            "runs/{run}/report",
            "the checks as `validation.json`, the page `index.html`, and the map `explorer.html`",
        ),
        Place("stats_prefix", "runs/{run}/stats", "the folder of all stages' stats"),
        Place("stats", "runs/{run}/stats/{stage}.json", "the stage's stats, written last: then it is complete"),
        Place("progress", "runs/{run}/progress/{stage}.json", "how far the stage is, kept fresh while it runs"),
        Place("feature_store", "feature_store", "what earlier runs computed: a cache"),
        Place("models", "models", "weights, and networks as an engine loads them"),
        Place("cost", "costs/{run}.json", "what the clusters of the run's DAG runs cost"),
        Place("published", "published/latest.json", "the pointer to the published snapshot"),
        Place("logs", "logs", "the clusters' logs"),
    )
}
OF_EVERY_STAGE = ("stats", "progress")


@dataclass(frozen=True)
class Stage:
    """One Spark job; `reads` and `writes` are names of places, and each becomes one argument of the job."""

    name: str
    does: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]

    def places(self) -> list[Place]:
        """Return the places that the job's command line names, each once."""
        return [PLACES[name] for name in dict.fromkeys((*self.reads, *self.writes, *OF_EVERY_STAGE))]


STAGES = (
    Stage(
        INGEST,
        "Lists the photographs, and packs the original bytes of those that no run has seen.",
        reads=("feature_store", "models"),
        writes=("manifest", "inventory", "images", "rejects", "feature_store"),
    ),
    Stage(
        FEATURIZE,
        "Takes each new image through a network to a feature vector, and writes the features of all images.",
        reads=("manifest", "images", "feature_store", "models"),
        writes=("features", "looks", "rejects", "feature_store", "models"),
    ),
    Stage(
        REDUCE,
        "Standardizes the features and reduces them by PCA.",
        reads=("features", "stats_prefix", "published"),
        writes=("model", "pca_features", "pca_features_csv"),
    ),
    Stage(
        VALIDATE,
        "Checks all that the run wrote, finds near-duplicates, doubtful labels and flaws, and writes the report.",
        reads=("manifest", "rejects", "features", "looks", "model", "pca_features", "stats_prefix", "published"),
        writes=("groups", "suspects", "report"),
    ),
)


def stage_named(name: str) -> Stage:
    """Return the stage of this name; raises KeyError for one that there is not."""
    return {stage.name: stage for stage in STAGES}[name]
