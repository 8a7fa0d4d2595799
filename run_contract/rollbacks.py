"""What a rollback may be asked for: the form of `fruit_features_rollback`, and the variables of `make rollback`."""

from run_contract.param import Param

SNAPSHOT_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]*"
ROLLBACK_PARAMS = (
    Param(
        name="snapshot",
        title="Snapshot",
        help="The snapshot that readers shall see again. It must still have its files: `make history`, and the folder "
        "published/ of the bucket, list them all.",
        pattern=SNAPSHOT_PATTERN,
        pattern_in_words="the name of a snapshot, as in 66f00dd15eeb76e3",
        max_length=200,
        not_deciding="it makes no run",
    ),
    Param(
        name="why",
        title="Why",
        help="The reason, which is kept with the snapshot for those who read it later.",
        nullable=True,
        max_length=1000,
        not_deciding="it makes no run",
    ),
)
