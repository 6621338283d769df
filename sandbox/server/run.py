"""Both servers in one process, on loopback, until they are stopped."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from sandbox.server.control import Control
from sandbox.server.stigg_app import StiggApp
from sandbox.server.stripe_app import StripeApp
from sandbox.world.state import World

S = TypeVar("S", bound=uvicorn.Server)
VERBS = ["GET", "POST", "DELETE", "PUT", "PATCH"]


def listener(port: int, host: str = "127.0.0.1") -> socket.socket:
    """Return a listening socket; port 0 takes a free one."""
    # The protocol is named so that asyncio turns off the delay of small packets, which it does for named TCP alone.
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((host, port))
    found.listen(256)
    return found


class ThreadServer(uvicorn.Server):
    """A server of a thread: it has no tick, and ends once its answers are sent, without a delay."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:
            await asyncio.sleep(0.002)


def servers(world: World, kind: type[S]) -> tuple[S, S]:
    """(Stripe, Stigg), not yet running."""
    control = Control(world).routes()
    stripe = Starlette(routes=[*control, Route("/{path:path}", StripeApp(world).handle, methods=VERBS)])
    stigg = Starlette(routes=[*control, Route("/graphql", StiggApp(world).handle, methods=["POST"])])
    stripe_server, stigg_server = (
        kind(uvicorn.Config(app, log_level="error", access_log=False, lifespan="off", timeout_keep_alive=60))
        for app in (stripe, stigg)
    )
    return stripe_server, stigg_server


async def serve(world: World, stripe_socket: socket.socket, stigg_socket: socket.socket) -> None:
    stripe, stigg = servers(world, uvicorn.Server)
    await asyncio.gather(stripe.serve(sockets=[stripe_socket]), stigg.serve(sockets=[stigg_socket]))


@contextmanager
def running(world: World) -> Iterator[tuple[str, str]]:
    """Serve a world from a thread; yields (Stripe's URL, Stigg's URL)."""
    sockets = (listener(0), listener(0))
    pair = servers(world, ThreadServer)
    started: Future[asyncio.AbstractEventLoop] = Future()

    async def both() -> None:
        started.set_result(asyncio.get_running_loop())
        await asyncio.gather(*(s.serve(sockets=[sock]) for s, sock in zip(pair, sockets, strict=True)))

    thread = threading.Thread(target=lambda: asyncio.run(both()), daemon=True)
    thread.start()
    try:
        stripe_port, stigg_port = (s.getsockname()[1] for s in sockets)
        yield f"http://127.0.0.1:{stripe_port}", f"http://127.0.0.1:{stigg_port}"
    finally:
        for server in pair:
            started.result(timeout=10).call_soon_threadsafe(server.stopping.set)
        thread.join(timeout=10)
        for sock in sockets:
            sock.close()
