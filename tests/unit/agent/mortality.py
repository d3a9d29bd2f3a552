"""A process that can die at any operation on the world: before it, or after it and before its answer."""


class Killed(BaseException):
    """The process is no more; nothing it does from now on has an effect."""


class Mortality:
    """Dies at the `fatal`-th point passed (1 …); never, if that is None."""

    def __init__(self, fatal: int | None = None) -> None:
        self._fatal = fatal
        self.passed = 0
        self.dead = False

    def point(self) -> None:
        if self.dead:
            raise Killed
        self.passed += 1
        if self.passed == self._fatal:
            self.dead = True
            raise Killed

    def kill(self) -> None:
        self.dead = True
