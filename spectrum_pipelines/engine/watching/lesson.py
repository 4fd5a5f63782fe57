"""A lesson: what is being learnt of how long a job took before."""

from msgspec import Struct

from spectrum_pipelines.spectrum import ConfigurationId, ExecutionId


class Lesson(Struct, frozen=True, kw_only=True):
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
