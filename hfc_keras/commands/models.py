"""Which trained networks are there?"""

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Models:
    """List the trained networks of this project by descriptive names.

    `hfc-keras inspect` and `selfcheck` take these names. Accuracy is on the test images after the
    last epoch.
    """

    published: Path = Path("results/models")
    """Folder of the networks."""

    def execute(self) -> int:
        """Print the list.

        Returns:
            int, the exit status: 2 if there is none.
        """
        from hfc_keras import checks
        from hfc_keras.training.published_names import published_networks

        table = published_networks(self.published)
        checks.require(
            len(table),
            "`published` must be a folder of trained networks, results/models of a checkout",
            published=str(self.published),
        )
        width = table["name"].str.len().max()
        print(f"{'name':<{width}}  accuracy")
        for name, accuracy in zip(table["name"], table["accuracy"], strict=True):
            print(f"{name:<{width}}  {accuracy:.3f}")
        print(f"\n{len(table)} networks in {self.published}")
        return 0
