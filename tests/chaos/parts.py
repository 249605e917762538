"""A part of `deploy/local` as something to which things happen."""

from dataclasses import dataclass

from deploy.local.running import Running


@dataclass(frozen=True, slots=True)
class PartTarget:
    """`Target`: a part at work."""

    running: Running

    @property
    def name(self) -> str:
        return self.running.part.name

    def kill(self) -> None:
        self.running.kill()

    def pause(self) -> None:
        self.running.pause()

    def resume(self) -> None:
        self.running.resume()

    def stop(self) -> None:
        self.running.close()

    def start(self) -> None:
        self.running.start()
