"""The check that Test is not known from Training."""

from image_features.errors import Unavailable
from image_features.validate.checks.check import Judgement, check
from image_features.validate.duplicates.duplicates import Duplicates

# By so much leaks can make an accuracy look better than it is.
LEAK_LIMIT = 0.02


@check
def split_leaks(duplicates: Duplicates) -> Judgement | Unavailable:
    """Judge the share of the images of Test that have a near-duplicate in Training."""
    if not duplicates.test:
        return Unavailable("no image is of Test")
    share = duplicates.leaked / duplicates.test
    advice = (
        f"{duplicates.leaked:,} of the {duplicates.test:,} photographs of Test have a near-duplicate in Training (a "
        f"likeness of {duplicates.least} or more), so that an accuracy on Test is too high: use the column "
        "leak_free_split of groups/ instead, or keep photographs of one thing in one split"
    )
    return share <= LEAK_LIMIT, share, LEAK_LIMIT, advice
