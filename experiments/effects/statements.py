"""How experiments state their claims."""

from hfc_keras import reporting


def claim(prefix, paper, item, name, sentence, measured, effect, unit="accuracy", **bound):
    """Claim of a paper, or a control or question of our own.

    Args:
        prefix: str, what the ids of an experiment's claims begin with.
        paper: str.
        item: str, the heading under which the ledger has it.
        name: str, the rest of the id.
        sentence: str, as of ``reporting.Claim``, and so are all others.
        measured: str.
        effect: function.
        unit: str.
        **bound: ``above`` and ``below``, and whatever else a Claim takes.

    Returns:
        reporting.Claim.
    """
    return reporting.Claim(
        id=f"{prefix}_{name}",
        paper=paper,
        item=item,
        sentence=sentence,
        measured=measured,
        effect=effect,
        unit=unit,
        **bound,
    )
