"""What is being learnt of how long a job took before."""

from spectrum_pipelines.record import record
from spectrum_pipelines.spectrum import ConfigurationId, ExecutionId


@record
class Lesson:
    """`execution_id` is the one that runs; `todo` are those before it that must still be asked, None before they are known."""

    execution_id: ExecutionId
    configuration_id: ConfigurationId | None = None
    todo: tuple[ExecutionId, ...] | None = None
    seconds: tuple[float, ...] = ()
    given_up: bool = False

    @property
    def is_over(self) -> bool:
        """There is nothing more to ask."""
        return self.given_up or self.todo == ()
