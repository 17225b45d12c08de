"""Metrics and health on one port, loopback by default: /metrics, /livez (the loop turns), /readyz (work gets done)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from detector import logs

if TYPE_CHECKING:
    from collections.abc import Callable

    from detector.metrics import Metrics


class Web:
    """The server. `obstacle` says what keeps the worker from being ready, None when nothing does."""

    def __init__(self, host: str, port: int, metrics: Metrics, obstacle: Callable[[], str | None]) -> None:
        self._host, self._port = host, port
        self._metrics = metrics
        self._obstacle = obstacle
        app = web.Application()
        app.add_routes(
            [web.get("/metrics", self._render), web.get("/livez", self._livez), web.get("/readyz", self._readyz)]
        )
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        logs.info("http_listening", address=f"http://{host}:{port}")

    async def stop(self) -> None:
        """Close."""
        await self._runner.cleanup()

    async def _render(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _livez(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")  # a loop that does not turn does not answer

    async def _readyz(self, _: web.Request) -> web.Response:
        obstacle = self._obstacle()
        return web.Response(text=f"{obstacle or 'ok'}\n", status=503 if obstacle else 200)
