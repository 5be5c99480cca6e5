"""Playing a number of games."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from .game import Game


def play(game: type[Game], examples: int, steps: int = 40, *phases: Phase) -> None:
    """The same few games each time; of many, others each time."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=phases or settings.default.phases,
        deadline=None,
        database=None,
        derandomize=examples < 100,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(game, settings=chosen)
