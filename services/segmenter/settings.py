"""What segmenter is told by its environment; all of it is shared with the others."""

from shared.settings import PORTS, ServiceSettings


class Settings(ServiceSettings):
    """`dsn`: of the role `tuvi_segmenter`."""

    port: int = PORTS["segmenter"]
